/**
 * The thread of constraint-check.ts: compiles constraints before the model's own grammar thread does, so that one that
 * aborts the library, or takes too long, ends this thread and not that one.
 */
import { parentPort, workerData } from 'node:worker_threads';
import { thisThread, workedMilliseconds } from '../../common/thread-time.js';
import type { ConstraintSource, GrammarVocabulary } from '../protocol.js';
import { type GrammarLibrary, loadGrammarLibrary } from './grammar-library.js';

export interface CheckSettings {
  readonly vocabulary: GrammarVocabulary;
  /** Of the logits: V. */
  readonly size: number;
}

/**
 * First, once the library is loaded, the milliseconds of work that a small grammar takes on this machine, and which thread
 * works. Then one answer to each source: why it does not compile, null when it does.
 */
export type CheckMessage =
  | { readonly ready: number; readonly thread: string | null }
  | { readonly reason: string | null };

/** The library prints what is wrong and aborts. It takes the console's functions when it is loaded. */
let printed = '';
console.error = (text: unknown) => {
  if (printed === '') printed = String(text);
};
console.warn = () => {};

async function compile(library: GrammarLibrary, source: ConstraintSource): Promise<string | null> {
  printed = '';
  try {
    const grammar = await library.compile(source);
    const matcher = await library.matcher(grammar);
    const mask = await matcher.getNextTokenBitmask();
    matcher.dispose();
    grammar.dispose();
    return mask.some((bits) => bits !== 0) ? null : 'no text can be written that fits it';
  } catch (error) {
    const message =
      /Check failed: .*? is (?:false|true): (.*)/s.exec(printed)?.[1] ?? printed.replace(/^\[\w+\] \S+ /, '');
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
  const { vocabulary, size } = workerData as CheckSettings;
  const library = await loadGrammarLibrary(vocabulary, size);
  port.on('message', (source: ConstraintSource) => {
    void compile(library, source).then((reason) => port.postMessage({ reason } satisfies CheckMessage));
  });
  // Once to have the library's own lazily compiled code, once to be measured.
  const small: ConstraintSource = { kind: 'grammar', source: smallGrammar };
  await compile(library, small);
  const thread = thisThread();
  const started = workedMilliseconds(thread);
  await compile(library, small);
  port.postMessage({ ready: workedMilliseconds(thread) - started, thread } satisfies CheckMessage);
}
