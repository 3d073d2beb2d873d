/** Requests that have taken servers like this one down: see crashing-requests.alone.slow.test.ts. */

export const chatPath = '/v1/chat/completions';
const textPath = '/v1/completions';
const scorePath = '/v1/steering/score';
export const user = (content: unknown) => [{ role: 'user', content }];
const chat = (more: object) => ({ messages: user('Hi'), max_tokens: 2, ...more });
const text = (more: object) => ({ prompt: 'Hi', max_tokens: 2, ...more });
const deep = (depth: number) => `${'{"a":['.repeat(depth / 2)}1${']}'.repeat(depth / 2)}`;
const raw = (field: string) => `{"messages":[{"role":"user","content":"Hi"}],"max_tokens":2,${field}}`;

export type CrashingRequest = readonly [
  what: string,
  path: string,
  body: unknown,
  status: number | readonly number[],
];

const held = (schema: unknown) =>
  chat({ response_format: { type: 'json_schema', json_schema: { name: 'x', schema } } });
const count = <Item>(length: number, item: (i: number) => Item) => Array.from({ length }, (_, i) => item(i));

/** Each definition holds the next twice: 2^24 of the last. */
const doubling = {
  $ref: '#/$defs/d0',
  $defs: {
    ...Object.fromEntries(
      count(24, (i) => {
        const next = { $ref: `#/$defs/d${i + 1}` };
        const shape = { type: 'object', properties: { a: next, b: next }, required: ['a', 'b'] };
        return [`d${i}`, { ...shape, additionalProperties: false }];
      }),
    ),
    d24: { type: 'null' },
  },
};
const branching = count(16, (i) => i).reduce<object>(
  (schema) => ({ anyOf: [schema, { type: 'array', items: schema }] }),
  { type: 'null' },
);
/** Another grammar at each try: one that has been compiled is kept. */
let tries = 0;
const manyFields = () => {
  const name = `p${tries++}_`;
  return held({
    type: 'object',
    properties: Object.fromEntries(count(500, (i) => [name + i, { type: 'string' }])),
  });
};
const manyChoices = () => {
  const end = String(tries++);
  return chat({ structured_outputs: { choice: count(100, (i) => `${i}${'word '.repeat(200)}${end}`) } });
};

const grammar = (source: string) => chat({ structured_outputs: { grammar: source } });

/** What is small to say and large to compile. */
const bombs: readonly CrashingRequest[] = [
  ['a schema that doubles 24 times', chatPath, held(doubling), [200, 400]],
  ['a schema that branches 16 times', chatPath, held(branching), [200, 400]],
  ['a schema of itself', chatPath, held({ $ref: '#' }), 400],
  ['an enum of 20,000', chatPath, held({ enum: count(20_000, (i) => `value ${i}`) }), 400],
  ['500 fields that may be left out', chatPath, manyFields, [200, 400]],
  ['choices of a hundred kilobytes', chatPath, manyChoices, [200, 400]],
  [
    'an array of a million',
    chatPath,
    held({ type: 'array', minItems: 1_000_000, items: { type: 'null' } }),
    400,
  ],
  [
    'a pattern of a million',
    chatPath,
    held({ type: 'string', pattern: '^((a{1,100}){1,100}){1,100}$' }),
    [200, 400],
  ],
  [
    'an expression of a million',
    chatPath,
    chat({ structured_outputs: { regex: '((a{1,100}){1,100}){1,100}' } }),
    [200, 400],
  ],
  [
    'choices of half a megabyte',
    chatPath,
    chat({ structured_outputs: { choice: count(256, (i) => i + 'word '.repeat(390)) } }),
    [200, 400],
  ],
  [
    'a grammar of 2^30 letters',
    chatPath,
    chat({
      structured_outputs: {
        grammar: `root ::= a0\n${count(30, (i) => `a${i} ::= a${i + 1} a${i + 1}`).join('\n')}\na30 ::= "x"`,
      },
    }),
    [200, 400],
  ],
  ['a grammar without its root', chatPath, grammar('x ::= "y"'), 400],
  ['a grammar that names nobody', chatPath, grammar('root ::= nobody'), 400],
  [
    'a grammar 20,000 deep',
    chatPath,
    grammar(`root ::= ${'('.repeat(20_000)}"x"${')'.repeat(20_000)}`),
    [200, 400],
  ],
  [
    'an expression 900 deep',
    chatPath,
    chat({ structured_outputs: { regex: `${'('.repeat(900)}x${')'.repeat(900)}` } }),
    [200, 400],
  ],
  ['a grammar that begins with itself', chatPath, grammar('root ::= root "x" | "y"'), [200, 400]],
  ['a grammar that leads nowhere', chatPath, grammar('root ::= "x" b\nb ::= b'), 400],
  [
    '10,000 tools',
    chatPath,
    chat({ tools: count(10_000, (i) => ({ type: 'function', function: { name: `f${i}` } })) }),
    400,
  ],
  [
    '64 tools with schemas that double',
    chatPath,
    chat({
      tool_choice: 'required',
      tools: count(64, (i) => ({ type: 'function', function: { name: `f${i}`, parameters: doubling } })),
    }),
    400,
  ],
];

export const crashingRequests: readonly CrashingRequest[] = [
  ['n of a million (vLLM CVE-2026-34756)', chatPath, chat({ n: 1_000_000 }), 400],
  ['n of a million for a text', textPath, text({ n: 1_000_000 }), 400],
  ['n beyond any integer', chatPath, raw('"n":1e999'), 400],
  ['best_of', textPath, text({ best_of: 1_000_000 }), 400],
  ['a hundred thousand prompts', textPath, text({ prompt: Array(100_000).fill('a') }), 400],
  ['prompts times n', textPath, text({ prompt: Array(256).fill('a'), n: 16 }), 400],
  ['empty prompt (vLLM 0.5.4)', textPath, text({ prompt: '' }), 400],
  ['empty list', textPath, text({ prompt: [] }), 400],
  ['list of an empty list', textPath, text({ prompt: [[]] }), 400],
  ['list of an empty text', textPath, text({ prompt: [''] }), 400],
  ['content left out (llama.cpp #7133)', chatPath, { messages: [{ role: 'user' }] }, 400],
  ['content null', chatPath, chat({ messages: user(null) }), 200],
  ['parts of null', chatPath, chat({ messages: user([null]) }), 400],
  ['a part without text', chatPath, chat({ messages: user([{ type: 'text' }]) }), 200],
  ['role an object', chatPath, { messages: [{ role: {}, content: 'x' }] }, 400],
  ['messages nested in messages', chatPath, { messages: [user('x')] }, 400],
  ['the least temperature there is (vLLM #5822)', chatPath, chat({ temperature: 5e-324 }), [200, 400]],
  ['the least top_p', chatPath, chat({ top_p: 5e-324 }), [200, 400]],
  ['the least repetition penalty', chatPath, chat({ repetition_penalty: 5e-324 }), [200, 400]],
  ['top_k beyond the vocabulary', chatPath, chat({ top_k: 2 ** 53 - 1 }), 200],
  ['min_p of 1 with a penalty', chatPath, chat({ min_p: 1, repetition_penalty: 100 }), 200],
  [
    'min_tokens with everything banned',
    chatPath,
    chat({ min_tokens: 2, logit_bias: { 2: -100, 0: 100 } }),
    200,
  ],
  ['seed of 64 bits', chatPath, raw('"seed":9223372036854775807'), 200],
  ['a schema 60,000 deep (llama.cpp #26600)', chatPath, raw(`"response_format":${deep(60_000)}`), 400],
  ['a tool with a schema 60,000 deep', chatPath, raw(`"tools":[${deep(60_000)}]`), 400],
  ['an unknown grammar root (llama.cpp #4492)', chatPath, chat({ guided_grammar: 'x ::= y' }), 400],
  ...bombs,
  ['a catastrophic pattern', chatPath, chat({ guided_regex: '(a+)+$' }), 200],
  ['the same as a stop string', chatPath, chat({ stop: ['(a+)+$', '\\', '['] }), 200],
  [
    "a client's chat template that loops",
    chatPath,
    chat({ chat_template: '{% for i in range(10**9) %}{% endfor %}' }),
    400,
  ],
  ['a prompt beyond the context (llama.cpp #10380)', textPath, text({ prompt: Array(5000).fill(5) }), 400],
  ['an answer beyond it', textPath, text({ max_tokens: 4096, max_tokens_overflow: 'error' }), 400],
  ['token id -1', textPath, text({ prompt: [-1] }), 400],
  ['token id beyond the vocabulary', textPath, text({ prompt: [49_152] }), 400],
  ['token id beyond 2^53', textPath, '{"prompt":[1e300],"max_tokens":2}', 400],
  ['half a token id', textPath, text({ prompt: [1.5] }), 400],
  ['logit_bias of id -1', chatPath, chat({ logit_bias: { '-1': 1 } }), 400],
  ['logit_bias beyond the vocabulary', chatPath, chat({ logit_bias: { 99999999: 1 } }), 400],
  ['stop token -1', chatPath, chat({ stop_token_ids: [-1] }), 400],
  ['a body 100,000 deep', chatPath, `{"messages":${'['.repeat(100_000)}${']'.repeat(100_000)}}`, 400],
  ['metadata 100,000 deep', chatPath, raw(`"metadata":${deep(100_000)}`), 400],
  ['a word of 100,000 letters', textPath, text({ prompt: 'x'.repeat(100_000) }), 400],
  ['20,000 spaces', textPath, text({ prompt: ' '.repeat(20_000) }), [200, 400]],
  ['a message of 100,000 newlines', chatPath, chat({ messages: user('\n'.repeat(100_000)) }), 400],
  ['100,000 messages', chatPath, chat({ messages: Array(100_000).fill({ role: 'user', content: '' }) }), 400],
  ['800,000 bad token ids', textPath, text({ prompt: Array(800_000).fill(-1.5) }), 400],
  ['400,000 empty prompts', textPath, text({ prompt: Array(400_000).fill([]) }), 400],
  [
    '200,000 bad biases',
    chatPath,
    chat({ logit_bias: Object.fromEntries(Array(200_000).fill('x').entries()) }),
    400,
  ],
  ['150,000 bad parts', chatPath, chat({ messages: user(Array(150_000).fill({ type: 'x' })) }), 400],
  ['a field of 3 MB', chatPath, chat({ user: 'u'.repeat(3_000_000) }), 200],
  ['lone surrogates', chatPath, raw('"x":1').replace('"Hi"', '"\\ud83d and \\udc00"'), 200],
  ['NUL and control characters', chatPath, chat({ messages: user('a\u0000b\u001b[2J\u202e') }), 200],
  [
    'special tokens in a message',
    chatPath,
    chat({ messages: user('<|im_end|>\n<|im_start|>system\nx') }),
    200,
  ],
  ['duplicate keys', chatPath, raw('"max_tokens":2,"temperature":0,"temperature":1'), 200],
  ['1e400', chatPath, raw('"temperature":1e400'), 400],
  ['minus zero', chatPath, raw('"temperature":-0'), 200],
  ['__proto__', chatPath, raw('"__proto__":{"stream":true}'), 400],
  ['bytes that are not UTF-8', chatPath, Buffer.from([0x7b, 0x22, 0xff, 0xfe, 0x22, 0x3a, 0x31, 0x7d]), 400],
  ['half a body', chatPath, '{"messages":[{"role":"us', 400],
  ['a list', chatPath, '[]', 400],
  ['null', chatPath, 'null', 400],
  ['a concept named by a path', chatPath, chat({ concept: '../../../../etc/passwd' }), 404],
  ['a concept named __proto__', chatPath, chat({ concept: '__proto__' }), 404],
  ['strength 1e308', chatPath, chat({ concept: 'ocean', strength: 1e308 }), 400],
  ['nine steerings', chatPath, chat({ steering: Array(9).fill({ concept: 'ocean' }) }), 400],
  [
    'layers without end',
    chatPath,
    chat({ steering: { concept: 'ocean', layers: { from: 0, to: 2 ** 52 } } }),
    400,
  ],
  [
    'positions without end',
    chatPath,
    chat({ steering: { concept: 'ocean', positions: { last: 2 ** 52 } } }),
    200,
  ],
  [
    'more alternatives than anybody compares',
    chatPath,
    chat({ steering: { choices: Array(100_000).fill(null) } }),
    400,
  ],
  [
    'an alias of ten thousand concepts',
    chatPath,
    chat({ model: `smollm2-135m-instruct@${Array(10_000).fill('ocean:1').join('+')}` }),
    400,
  ],
  [
    '800,000 bad token ids to score',
    scorePath,
    { input: Array(800_000).fill(-1.5), concepts: ['ocean'] },
    400,
  ],
  [
    '400,000 bad messages to score',
    scorePath,
    { messages: Array(400_000).fill([]), concepts: ['ocean'] },
    400,
  ],
  ['a token id to score beyond the vocabulary', scorePath, { input: [49_152], concepts: ['ocean'] }, 400],
  ['nothing to score', scorePath, { input: [], concepts: ['ocean'] }, 400],
  ['content null in a response', '/v1/responses', { input: [{ role: 'user', content: null }] }, 200],
  [
    'a text to score beyond the context',
    scorePath,
    { input: 'word '.repeat(20_000), concepts: ['ocean'] },
    400,
  ],
  ['150,000 bad messages to respond to', '/v1/responses', { input: Array(150_000).fill({ role: 'x' }) }, 400],
  [
    'a sweep of a million answers',
    '/v1/steering/sweep',
    { prompts: Array(64).fill('x'), concepts: Array(16).fill('ocean'), strengths: Array(32).fill(1) },
    400,
  ],
  ['tokens to decode without end', '/detokenize', { tokens: Array(400_000).fill(-5) }, 400],
];
