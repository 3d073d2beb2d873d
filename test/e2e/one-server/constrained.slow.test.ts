/**
 * Constrained answers of the real model, steered and hot: all parse and validate. STEERD_CONSTRAINED_ANSWERS=200
 * makes that many (8 by default), over all schemas.
 */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import OpenAI from 'openai';
import { z } from 'zod';
import { suiteServer } from '../running-server.js';

const model = 'smollm2-135m-instruct';
const count = Number(process.env.STEERD_CONSTRAINED_ANSWERS ?? 8);
const concepts = ['pirate', 'ocean', 'sad', 'horror'];

const object = (properties: object): Record<string, unknown> => ({
  type: 'object',
  properties,
  required: Object.keys(properties),
  additionalProperties: false,
});
const word = { type: 'string', maxLength: 24 };

/** Of bounded size, so that an answer within max_tokens is complete. */
const schemas: Record<string, unknown>[] = [
  object({ name: word, age: { type: 'integer', minimum: 0, maximum: 120 }, alive: { type: 'boolean' } }),
  object({
    items: {
      type: 'array',
      minItems: 1,
      maxItems: 3,
      items: object({ title: word, kind: { enum: ['a', 'b', 3, null] } }),
    },
  }),
  object({
    place: { anyOf: [word, { type: 'null' }] },
    code: { type: 'string', pattern: '^[A-Z]{2}-[0-9]{3}$' },
  }),
  {
    $defs: { node: object({ value: { type: 'integer', exclusiveMinimum: 3, maximum: 9 }, label: word }) },
    ...object({ left: { $ref: '#/$defs/node' }, right: { $ref: '#/$defs/node' } }),
  },
  object({
    on: { type: 'string', format: 'date' },
    mood: { const: 'wild' },
    note: { type: ['string', 'null'], maxLength: 20 },
  }),
  object({
    count: { type: 'integer', minimum: 0 },
    share: { type: 'number', exclusiveMinimum: 0, maximum: 1 },
    at: { type: 'string', format: 'date-time' },
    mail: { type: 'string', format: 'email' },
    id: { type: 'string', format: 'uuid' },
  }),
  {
    type: 'object',
    properties: {
      pet: {
        oneOf: [
          object({ kind: { const: 'cat' }, lives: { type: 'integer', minimum: 1, maximum: 9 } }),
          object({ kind: { const: 'dog' }, good: { type: 'boolean' } }),
        ],
      },
      nick: { allOf: [{ $ref: '#/$defs/nick' }], default: 'x' },
    },
    required: ['pet'],
    $defs: { nick: { type: 'string', minLength: 1, maxLength: 12 } },
  },
  z.toJSONSchema(
    z.object({
      id: z.int(),
      price: z.number().positive(),
      tags: z.array(z.string().max(12)).max(3),
      site: z.url().nullable(),
      more: z.tuple([z.string().max(8), z.number()]).optional(),
      kind: z.discriminatedUnion('t', [
        z.object({ t: z.literal('p'), day: z.iso.date() }),
        z.object({ t: z.literal('q'), size: z.enum(['s', 'm']) }),
      ]),
    }),
  ) as Record<string, unknown>,
];

describe('constrained answers', () => {
  const running = suiteServer();
  const messages = [{ role: 'user' as const, content: 'Tell me about someone you met today.' }];

  const asked = (schema: Record<string, unknown>, more: object) =>
    running().client.chat.completions.create({
      model,
      messages,
      max_tokens: 400,
      temperature: 1,
      response_format: { type: 'json_schema', json_schema: { name: 'answer', strict: true, schema } },
      ...more,
    } as OpenAI.ChatCompletionCreateParamsNonStreaming);

  test(`${count} answers at temperature 1, steered hard, parse and validate`, async () => {
    let done = 0;
    const one = async (i: number) => {
      const schema = schemas[i % schemas.length] ?? {};
      const concept = concepts[i % concepts.length];
      const reply = await asked(schema, { seed: i, concept, strength: i % 2 === 0 ? 2 : -2 });
      const [choice] = reply.choices;
      const text = choice?.message.content ?? '';
      assert.equal(choice?.finish_reason, 'stop', `answer ${i}: ${text}`);
      const parsed = z.fromJSONSchema(schema).safeParse(JSON.parse(text));
      assert.ok(parsed.success, `answer ${i}: ${text}: ${parsed.error}`);
      done++;
    };
    for (let i = 0; i < count; i += 4)
      await Promise.all([0, 1, 2, 3].map((k) => (i + k < count ? one(i + k) : undefined)));
    assert.equal(done, count);
  });

  test('an answer that is cut says so; a stream brings what the plain answer says', async () => {
    const schema = schemas[0] ?? {};
    const cut = await asked(schema, { max_tokens: 4 });
    assert.equal(cut.choices[0]?.finish_reason, 'length');
    const plain = await asked(schema, { seed: 4, concept: 'pirate' });
    const stream = await running().client.chat.completions.create({
      model,
      messages,
      max_tokens: 300,
      seed: 4,
      temperature: 1,
      concept: 'pirate',
      response_format: { type: 'json_schema', json_schema: { name: 'answer', schema } },
      stream: true,
    } as OpenAI.ChatCompletionCreateParamsStreaming);
    let text = '';
    for await (const chunk of stream) text += chunk.choices[0]?.delta.content ?? '';
    assert.equal(text, plain.choices[0]?.message.content);
  });

  test('json_object, choices, regular expressions and grammars; text too', async () => {
    const { client } = running();
    const complete = async (more: object) => {
      const body = {
        model,
        prompt: 'The answer is',
        max_tokens: 200,
        ignore_eos: true,
        min_tokens: 1,
        seed: 1,
        ...more,
      };
      const reply = await client.completions.create(body as OpenAI.CompletionCreateParamsNonStreaming);
      return reply.choices[0]?.text ?? '';
    };
    assert.ok(
      ['yes', 'no way'].includes(await complete({ structured_outputs: { choice: ['yes', 'no way'] } })),
    );
    assert.match(
      await complete({ structured_outputs: { regex: '[a-c]{3}-[0-9]{2}' } }),
      /^[a-c]{3}-[0-9]{2}$/,
    );
    const grammar = 'root ::= "<" [a-z] [a-z] ">"';
    assert.match(await complete({ structured_outputs: { grammar } }), /^<[a-z]{2}>$/);
    assert.match(await complete({ response_format: { type: 'json_object' } }), /^\{/);
  });

  test('a required tool is called with arguments that validate, steered and streamed', async () => {
    const parameters = object({ city: word, days: { type: 'integer', minimum: 1, maximum: 9 } });
    const body = {
      model,
      messages,
      tools: [{ type: 'function' as const, function: { name: 'forecast', parameters } }],
      tool_choice: 'required' as const,
      parallel_tool_calls: false,
      max_tokens: 300,
      temperature: 1,
      concept: 'pirate',
      seed: 2,
    };
    const plain = await running().client.chat.completions.create(body);
    const [call] = plain.choices[0]?.message.tool_calls ?? [];
    assert.ok(call?.type === 'function' && call.function.name === 'forecast');
    assert.ok(z.fromJSONSchema(parameters).safeParse(JSON.parse(call.function.arguments)).success);
    assert.equal(plain.choices[0]?.finish_reason, 'tool_calls');
    const final = await running().client.chat.completions.stream(body).finalChatCompletion();
    const [streamed] = final.choices[0]?.message.tool_calls ?? [];
    assert.ok(streamed?.type === 'function');
    assert.equal(streamed.function.arguments, call.function.arguments);
  });

  test('what cannot constrain is a bad request with the reason, while another stream goes on', async () => {
    const { client } = running();
    const other = asked(schemas[1] ?? {}, { seed: 9 });
    const deepText = `${'{"type":"array","items":'.repeat(60)}{"type":"string"}${'}'.repeat(60)}`;
    const rows: [object, RegExp][] = [
      [{ type: 'objekt' }, /type must be one of object, array/],
      [{ $ref: '#/nope' }, /nope/],
      [{ oneOf: [{ type: 'string' }, { maxLength: 3 }] }, /oneOf has alternatives .*: use anyOf/],
      [
        { type: 'object', properties: { a: { type: 'number', multipleOf: 3 } } },
        /schema\.properties\.a\.multipleOf is not supported/,
      ],
      [{ type: 'string', pattern: '([a' }, /schema\.pattern ends too soon/],
      [{ type: 'string', minLength: 50_000, maxLength: 400_000 }, /at most 10000/],
      [JSON.parse(deepText) as object, /deeper than 24/],
      [{ $ref: '#' }, /leads back to itself/],
    ];
    for (const [schema, reason] of rows) {
      await assert.rejects(
        asked(schema as Record<string, unknown>, {}),
        (error) =>
          error instanceof OpenAI.BadRequestError &&
          error.code === 'constraint_refused' &&
          reason.test(error.message),
        JSON.stringify(schema).slice(0, 100),
      );
    }
    await assert.rejects(
      client.chat.completions.create({
        model,
        messages,
        structured_outputs: { regex: '(?=a)b' },
      } as OpenAI.ChatCompletionCreateParamsNonStreaming),
      /[Ll]ookahead/,
    );
    // It begins well, and what comes then cannot be seen before: a fault of the request all the same.
    await assert.rejects(
      client.chat.completions.create({
        model,
        messages,
        structured_outputs: { grammar: 'root ::= "x" b\nb ::= b' },
      } as OpenAI.ChatCompletionCreateParamsNonStreaming),
      (error) =>
        error instanceof OpenAI.BadRequestError &&
        error.param === 'structured_outputs.grammar' &&
        /nothing may follow/.test(error.message),
    );
    assert.equal((await other).choices[0]?.finish_reason, 'stop');
  });
});
