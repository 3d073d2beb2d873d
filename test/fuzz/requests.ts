/** Requests of the fuzzer: valid as often as not, else with one thing wrong. */
import { Chance } from './chance.js';
import type { Description, Operation, Parameter } from './document.js';
import { brokenBodies, mutate } from './mutate.js';
import { type Hints, Values } from './values.js';

export interface FuzzRequest {
  readonly operation: Operation;
  readonly method: string;
  /** With query. */
  readonly path: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string | undefined;
  /** What is wrong with it; null when it is meant to be right. */
  readonly wrong: string | null;
}

/** Names that mean something on the server, kept up to date with what it answers. */
export interface KnownNames {
  readonly model: string;
  readonly shipped: readonly string[];
  /** A concept with an attention map that no request replaces. */
  readonly fitted: string;
  /** Concepts that requests made. */
  readonly made: Set<string>;
  readonly fits: string[];
}

/** How often an operation is asked, where not once: what costs much is asked less, what there is most to say of more. */
const weights: Readonly<Record<string, number>> = {
  createChatCompletion: 8,
  createCompletion: 6,
  createResponse: 5,
  scoreText: 3,
  sweepSteering: 2,
  judgeAnswers: 2,
  tokenize: 5,
  importConceptVectors: 3,
  composeConcept: 2,
  calibrateConcept: 0.3,
  createFit: 0.7,
  createConcept: 0.5,
  createBenchmark: 0.5,
};

/** Characters of a header's value that Node would refuse to send. */
const unsendable = /[^\t\x20-\x7e]/g;

export class Requests {
  readonly #chance: Chance;
  readonly #values: Values;
  readonly #wheel: readonly Operation[];

  constructor(
    readonly description: Description,
    readonly names: KnownNames,
    seed: number,
  ) {
    this.#chance = new Chance(seed);
    this.#values = new Values(description, this.#chance, this.#hints());
    this.#wheel = description.operations.flatMap((operation) =>
      Array<Operation>(Math.round((weights[operation.id] ?? 1) * 10)).fill(operation),
    );
  }

  next(): FuzzRequest {
    const chance = this.#chance;
    const operation = chance.pick(this.#wheel);
    const valid = chance.in(0.5);
    if (valid) return this.#request(operation, null);
    const wrongs = ['path', 'method', 'type', 'query', 'broken'] as const;
    const wrong = operation.body === undefined || chance.in(0.15) ? chance.pick(wrongs) : 'body';
    return this.#request(operation, wrong);
  }

  #request(operation: Operation, wrong: string | null): FuzzRequest {
    const chance = this.#chance;
    let told = wrong;
    let { method } = operation;
    let type = 'application/json';
    let value = operation.body && this.#body(operation);
    if (wrong === 'body') told = mutate(value, chance);
    if (wrong === 'method')
      method = chance.pick(['PATCH', 'PUT', 'DELETE', 'POST', 'HEAD', 'OPTIONS', 'GET']);
    if (method === operation.method && wrong === 'method') told = null;
    if (wrong === 'type') {
      type = chance.pick([
        'text/plain',
        '',
        'application/xml',
        'multipart/form-data',
        'application/json; x',
        'a',
      ]);
    }
    let body = value === undefined ? undefined : JSON.stringify(value);
    if (wrong === 'broken' && operation.body !== undefined) body = chance.pick(brokenBodies);
    else if (wrong === 'broken') [value, body] = [undefined, chance.pick(brokenBodies)];
    const of = (place: Parameter['in']) => operation.parameters.filter((parameter) => parameter.in === place);
    const path = of('path').reduce(
      (text, parameter) =>
        text.replace(`{${parameter.name}}`, this.#inPath(operation, parameter, wrong === 'path')),
      operation.path,
    );
    const query = of('query').flatMap((parameter) => {
      if (!chance.in(0.4)) return [];
      const given =
        wrong === 'query' ? chance.pick(badQuery) : this.#values.property(parameter.name, parameter.schema);
      return [`${parameter.name}=${encode(String(given))}`];
    });
    if (wrong === 'query')
      query.push(chance.pick(['x=1', '%', '=', 'limit=1&limit=2', 'model[]=a', '__proto__=1']));
    const headers: Record<string, string> = {};
    if (body !== undefined && type !== '') headers['content-type'] = type;
    for (const { name, schema } of of('header')) {
      if (chance.in(0.3)) {
        const text = wrong === 'query' ? 'x'.repeat(20) : String(this.#values.of(schema));
        headers[name] = text.replace(unsendable, '');
      }
    }
    return {
      operation,
      method,
      path: path + (query.length > 0 ? `?${query.join('&')}` : ''),
      headers,
      body,
      wrong: told,
    };
  }

  /** A body that keeps the model busy for a moment only. */
  #body(operation: Operation): unknown {
    const chance = this.#chance;
    const value = this.#values.of(operation.body ?? {});
    if (typeof value !== 'object' || value === null) return value;
    const body = value as Record<string, unknown>;
    if (/^create(Chat|Comp)/.test(operation.id)) body.max_tokens ??= chance.whole(1, 3);
    if (operation.id === 'createResponse') body.max_output_tokens ??= chance.whole(1, 3);
    if (operation.id === 'sweepSteering') body.max_tokens ??= 2;
    // One way to steer, not three at once.
    if (body.concept !== undefined || chance.in(0.5)) delete body.steering;
    if (body.concept === undefined) delete body.strength;
    if (body.top_logprobs !== undefined) body.logprobs = true;
    if (body.stream !== true) delete body.stream_options;
    if (operation.id === 'tokenize') {
      // A second name of each of two fields.
      delete body.content;
      delete body.add_special;
      this.#oneOf(body, 'prompt', 'messages');
    }
    if (operation.id === 'scoreText') this.#oneOf(body, 'input', 'messages');
    if (operation.id === 'calibrateConcept') {
      Object.assign(body, { questions: ['How are you?', 'What now?'], shares: [0.01], max_tokens: 8 });
    }
    if (/^create(Fit|Concept)$/.test(operation.id)) this.#smallFit(body);
    return body;
  }

  /** Gives one of two fields that do not go together. */
  #oneOf(body: Record<string, unknown>, text: string, chat: string): void {
    const [given, other] = this.#chance.in(0.5) ? [text, chat] : [chat, text];
    delete body[other];
    body[given] ??= given === text ? 'The tide came in.' : [{ role: 'user', content: 'Hi' }];
    const ofChats = ['add_generation_prompt', 'continue_final_message', 'tools', 'chat_template_kwargs'];
    if (given === text) for (const field of ofChats) delete body[field];
  }

  #smallFit(body: Record<string, unknown>): void {
    const questions = ['What do you like?', 'How was your day?'];
    if (this.#chance.in(0.5)) {
      for (const key of Object.keys(body)) delete body[key];
      Object.assign(body, { name: this.#newName(), prefix: 'You love snow.', recipe: 'responses' });
    }
    Object.assign(body, { calibrate: false, max_tokens: 2 });
    if (body.recipe !== 'examples') body.statements = { positive: questions, negative: questions };
  }

  #newName(): string {
    return `fuzz ${this.#chance.whole(0, 9)}`;
  }

  #concept(): string {
    const { shipped, made } = this.names;
    return this.#chance.pick(made.size > 0 && this.#chance.in(0.3) ? [...made] : shipped);
  }

  #inPath(operation: Operation, { name }: Parameter, wrong: boolean): string {
    const chance = this.#chance;
    if (wrong) return encode(chance.pick(badNames));
    if (operation.path.startsWith('/v1/models')) return encode(this.names.model);
    if (name === 'id') return encode(this.names.fits.length > 0 ? chance.pick(this.names.fits) : 'fit-none');
    const writes = [
      'importConceptVectors',
      'composeConcept',
      'deleteConcept',
      'calibrateConcept',
      'renameConcept',
      'restoreConcept',
    ];
    const ofFitted = ['calibrateConcept', 'retrieveConceptAttention'].includes(operation.id);
    if (ofFitted && chance.in(0.7)) return encode(this.names.fitted);
    // What ships with the model is not replaced: the other requests steer by it.
    if (operation.id === 'deleteConcept' && chance.in(0.3)) return encode(chance.pick(this.names.shipped));
    return encode(writes.includes(operation.id) ? this.#newName() : this.#concept());
  }

  #hints(): Hints {
    const concept = () => this.#concept();
    const { model } = this.names;
    const question = (chance: Chance) => chance.pick(['Hi', 'Tell me about the sea.', 'Wie geht es dir? 🙂']);
    return {
      model: (chance) => (chance.in(0.9) ? model : `${model}@${concept()}:0.5`),
      concept,
      concepts: (chance) => Array.from({ length: chance.whole(1, 2) }, concept),
      monitor: () => [concept()],
      strength: (chance) => chance.whole(-10, 10) / 10,
      strengths: (chance) => [0, chance.whole(-10, 10) / 10],
      prompts: (chance) => [question(chance)],
      layers: (chance) => chance.pick<unknown>(['default', 'all', [3, 4], { from: 2, to: 5 }, { top: 3 }]),
      messages: (chance) => [{ role: 'user', content: question(chance) }],
      prompt: question,
      input: question,
      content: question,
      tokens: (chance) => [chance.whole(0, 49_151), 5],
      max_tokens: (chance) => chance.whole(1, 4),
      max_completion_tokens: (chance) => chance.whole(1, 4),
      max_output_tokens: (chance) => chance.whole(1, 4),
      min_tokens: (chance) => chance.whole(0, 2),
      n: (chance) => chance.whole(1, 2),
      logit_bias: (chance) => ({ [chance.whole(0, 49_151)]: chance.whole(-100, 100) }),
      stop_token_ids: (chance) => [chance.whole(0, 49_151)],
      name: (chance) => (chance.in(0.5) ? this.#newName() : 'get_weather'),
      schema: (chance) => structuredClone(chance.pick(schemas)),
      parameters: (chance) => structuredClone(chance.pick(schemas)),
      json: (chance) => structuredClone(chance.pick(schemas)),
      regex: (chance) => chance.pick(['[0-9]{1,3}', '(yes|no)', 'a+b*']),
      grammar: () => 'root ::= "yes" | "no"',
      vectors: (chance) => ({ [chance.whole(1, 5)]: row(chance), [chance.whole(6, 29)]: row(chance) }),
      coefficients: () => [1, 2],
      residual_norms: () => [30, 40],
      model_fingerprint: (chance) => chance.pick(['', 'another']),
    };
  }
}

const hiddenSize = 576;
const row = (chance: Chance) => Array.from({ length: hiddenSize }, () => chance.uniform() - 0.5);

const schemas: readonly object[] = [
  {
    type: 'object',
    properties: { city: { type: 'string' } },
    required: ['city'],
    additionalProperties: false,
  },
  { type: 'object', properties: { n: { type: 'integer', minimum: 1, maximum: 9 } }, required: ['n'] },
  { enum: ['a', 'b'] },
  { type: 'array', items: { type: 'boolean' }, maxItems: 2 },
];

const badNames: readonly string[] = [
  'nobody',
  '..',
  '../../etc/passwd',
  '%',
  '\u0000',
  ' ',
  '__proto__',
  'constructor',
  '🙂',
  '\ud800',
  'x'.repeat(300),
  'x'.repeat(2000),
  'a/b',
  "'",
  'ocean\n',
  'OCEAN',
];
const badQuery: readonly string[] = [
  '',
  '-1',
  '1e9',
  'NaN',
  'nobody',
  'null',
  '\u0000',
  '%',
  'x'.repeat(3000),
];

/** Percent-encoded; half a surrogate goes as bytes that are not UTF-8. */
function encode(text: string): string {
  try {
    return encodeURIComponent(text);
  } catch {
    return '%ED%A0%80';
  }
}
