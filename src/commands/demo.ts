/**
 * `steerd demo`: the same prompts answered plain and steered, side by side in the terminal. Everything runs in
 * this process and in one batch, each answer under its own steering.
 */
import { join } from 'node:path';
import type { Command } from 'commander';
import { chatPrompt } from '../completions/prompt.js';
import type { Concept } from '../concepts/concept.js';
import { readConceptFolder } from '../concepts/concept-folder.js';
import type { ConceptLookup } from '../concepts/concept-lookup.js';
import { type Settings, settingsTable } from '../config.js';
import { greedy } from '../engine/protocol.js';
import { folderOfModel } from '../models/disk/model-places.js';
import type { LoadedModel } from '../models/model.js';
import { SteeringItem } from '../schemas/steering.js';
import { validated } from '../schemas/validation.js';
import { resolveSteering } from '../steering/resolve.js';
import { streamText } from '../text/text-stream.js';
import { demoPage } from './demo-page.js';
import { sayJson } from './output.js';
import { ProgressLine } from './progress-line.js';
import { addSettings } from './settings-options.js';
import { numberOf } from './steering-options.js';

const usualPrompts = [
  'What did you do this weekend?',
  'Tell me how you would welcome a guest.',
  'Tell me about your last holiday.',
];
/** Where the model lacks one of them, another of its concepts takes the place. */
const usualConcepts = ['ocean', 'egypt', 'winter'];
const answerTokens = 48;
const widthWithoutTerminal = 100;

interface DemoOptions {
  readonly json?: boolean;
  readonly prompt?: string[];
  readonly concept?: string[];
  readonly strength?: string;
}

export function register(program: Command): void {
  const command: Command = program
    .command('demo')
    .description('answer the same prompts plain and steered, side by side in the terminal')
    .option('--prompt <text...>', `what to ask (default: ${usualPrompts.length} every-day questions)`)
    .option('--concept <name...>', `concepts to steer by (default: ${usualConcepts.join(', ')})`)
    .option('--strength <number>', '1 is strong and still fluent, 0 is off (default: 1)');
  command.option('--json', 'as JSON', false);
  const settingsOf = addSettings(command, ['model', 'modelsDirectory', 'dataDirectory', 'threads']);
  command.action((options: DemoOptions) => demo(options, settingsOf({ ...options })));
}

async function demo(options: DemoOptions, settings: Settings): Promise<void> {
  const concepts = await knownConcepts(settings);
  const names = options.concept ?? chooseConcepts(concepts.names(settings.model));
  const steerings = names.map((concept) => steeringItem(concept, options.strength));
  const prompts = options.prompt ?? usualPrompts;
  const progress = new ProgressLine();
  progress.update(`loading ${settings.model} ...`);
  let model: LoadedModel | undefined;
  try {
    const { loadModel } = await import('../models/serve/load.js');
    const folder = await folderOfModel(settings.modelsDirectory, settings.model);
    model = await loadModel(settings.model, folder, settings);
    const { answers, tokens, seconds } = await answerAll({ model, concepts, prompts, steerings }, progress);
    progress.clear();
    if (options.json) {
      sayJson({ model: model.id, tokens, seconds, data: told(prompts, steerings, answers) });
      return;
    }
    const { stdout, env } = process;
    const lines = demoPage(
      { prompts, steerings, answers },
      { width: stdout.columns ?? widthWithoutTerminal, colour: stdout.isTTY === true && !env.NO_COLOR },
    );
    stdout.write(`${lines.join('\n')}\n`);
    stdout.write(
      `${model.id} wrote ${answers.length} answers (${tokens} tokens, greedy) in one batch in ${seconds.toFixed(1)} s.\n`,
    );
    stdout.write(`Over HTTP: npm start, and in another terminal\n${request(prompts[0], steerings[0])}\n`);
  } finally {
    progress.clear();
    await model?.engine.close();
  }
}

/** Each prompt with its answers, the plain one first. */
const told = (prompts: readonly string[], steerings: readonly SteeringItem[], answers: readonly string[]) =>
  prompts.map((prompt, i) => ({
    prompt,
    answers: [undefined, ...steerings].map((item, j) => ({
      concept: item?.concept ?? null,
      strength: item?.strength ?? 0,
      text: answers[i * (1 + steerings.length) + j],
    })),
  }));

/** A command to copy. The server's own settings may differ: it says where it listens when it starts. */
function request(prompt = '', steering?: SteeringItem): string {
  const { port } = settingsTable;
  const body = JSON.stringify({
    messages: [{ role: 'user', content: prompt }],
    ...(steering === undefined ? {} : { concept: steering.concept, strength: steering.strength }),
    max_tokens: answerTokens,
    temperature: 0,
  });
  const quoted = `'${body.replaceAll("'", "'\\''")}'`;
  return `curl -s http://127.0.0.1:${port.fallback}/v1/chat/completions -H 'content-type: application/json' -d ${quoted}`;
}

interface Demo {
  readonly model: LoadedModel;
  readonly concepts: ConceptLookup;
  readonly prompts: readonly string[];
  readonly steerings: readonly SteeringItem[];
}

/** What ships with the model, hidden by what was fitted here under the same name. Nothing is written. */
async function knownConcepts({ model, modelsDirectory, dataDirectory }: Settings): Promise<ConceptLookup> {
  const known = new Map<string, Concept>();
  const own = await folderOfModel(modelsDirectory, model);
  for (const folder of [join(own, 'concepts'), join(dataDirectory, 'concepts')]) {
    const { loaded, refused } = await readConceptFolder(folder);
    for (const { file, reason } of refused) process.stderr.write(`${file} is left out: ${reason}\n`);
    for (const { concept } of loaded) if (concept.model === model) known.set(concept.name, concept);
  }
  return {
    get: (_, name) => {
      const concept = known.get(name);
      return concept === undefined ? undefined : { concept };
    },
    names: () => [...known.keys()].sort(),
  };
}

function chooseConcepts(names: readonly string[]): string[] {
  const usual = usualConcepts.filter((name) => names.includes(name));
  const others = names.filter((name) => !usual.includes(name));
  return [...usual, ...others].slice(0, usualConcepts.length);
}

/** Checked as a request's would be. */
function steeringItem(concept: string, strength: string | undefined): SteeringItem {
  const item = { concept, ...(strength === undefined ? {} : { strength: numberOf('--strength', strength) }) };
  return validated(SteeringItem, item);
}

interface Answers {
  /** Of every prompt: the plain answer, then one per steering. */
  readonly answers: readonly string[];
  readonly tokens: number;
  readonly seconds: number;
}

async function answerAll(
  { model, concepts, prompts, steerings }: Demo,
  progress: ProgressLine,
): Promise<Answers> {
  const { shape } = model.engine;
  const asked = prompts.map(async (question) => {
    const prompt = await chatPrompt(model, [{ role: 'user', content: question }]);
    const context = { model: { id: model.id, shape }, concepts, promptLength: prompt.length };
    return [[], ...steerings.map((item) => [item])].map((items) => ({
      prompt,
      edit: resolveSteering(items, context).edit,
    }));
  });
  const requests = (await Promise.all(asked)).flat();
  let tokens = 0;
  let done = 0;
  const started = performance.now();
  const show = () =>
    progress.update(
      `writing ${requests.length} answers at once ...`,
      `${tokens} tokens, ${done} of ${requests.length} done`,
    );
  show();
  // One failure ends the command: the caller closes the engine, and the others end with it.
  const answers = await Promise.all(
    requests.map(async ({ prompt, edit }) => {
      const steps = model.engine.generate({
        prompt,
        maxTokens: answerTokens,
        stopTokens: model.stopTokens,
        minTokens: 0,
        sampling: greedy,
        edit,
        priority: 'interactive',
      });
      let text = '';
      for await (const delta of streamText(steps, model.tokenizer, [])) {
        text += delta.text;
        tokens += delta.tokens.length;
        if (delta.finish === 'length') text += ' \u2026';
        show();
      }
      done++;
      return text;
    }),
  );
  return { answers, tokens, seconds: (performance.now() - started) / 1000 };
}
