/** A thread that compiles a constraint before the model's own worker does: what is bad or slow ends here. */
import { parentPort, workerData } from 'node:worker_threads';
import {
  type ConstraintSource,
  type GrammarLibrary,
  type GrammarVocabulary,
  loadGrammarLibrary,
} from './grammar-library.js';

export interface TrialSettings {
  readonly vocabulary: GrammarVocabulary;
  readonly size: number;
}

/**
 * Once the library is loaded, how many milliseconds a small grammar takes on this machine as busy as it is; then one
 * answer to each source, null when it compiles.
 */
export type TrialAnswer = { readonly ready: number } | { readonly reason: string | null };

/** The library says what is wrong on the console, and aborts. It takes the console's functions when it is loaded. */
let said = '';
console.error = (text: unknown) => {
  if (said === '') said = String(text);
};
console.warn = () => {};

async function attempt(library: GrammarLibrary, source: ConstraintSource): Promise<string | null> {
  said = '';
  try {
    const grammar = await library.compile(source);
    const matcher = await library.matcher(grammar);
    const mask = await matcher.getNextTokenBitmask();
    matcher.dispose();
    grammar.dispose();
    return mask.some((bits) => bits !== 0) ? null : 'no text can be written that fits it';
  } catch (error) {
    const message =
      /Check failed: .*? is (?:false|true): (.*)/s.exec(said)?.[1] ?? said.replace(/^\[\w+\] \S+ /, '');
    return (
      message.trim().replace(/\.+$/, '').slice(0, 300) ||
      String((error as Error).message ?? error).slice(0, 300)
    );
  }
}

/** Objects of words and numbers. */
const smallGrammar = `root ::= "{" (pair (", " pair)*)? "}"
pair ::= "\\"" [a-z A-Z_]+ "\\": " value
value ::= root | "\\"" [a-z A-Z_]* "\\"" | "-"? [0-9]+ ("." [0-9]+)? | "true" | "false" | "null"
`;

if (parentPort) {
  const port = parentPort;
  const { vocabulary, size } = workerData as TrialSettings;
  const library = await loadGrammarLibrary(vocabulary, size);
  port.on('message', (source: ConstraintSource) => {
    void attempt(library, source).then((reason) => port.postMessage({ reason } satisfies TrialAnswer));
  });
  // Once for what is compiled lazily, once to be measured.
  const small: ConstraintSource = { kind: 'grammar', source: smallGrammar };
  await attempt(library, small);
  const started = performance.now();
  await attempt(library, small);
  port.postMessage({ ready: performance.now() - started } satisfies TrialAnswer);
}
