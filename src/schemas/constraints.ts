/** What a request may say of its answer's form: OpenAI's response formats and vLLM's structured outputs. */
import { z } from 'zod';
import { list } from './fields.js';

const JsonSchema = z.record(z.string(), z.unknown());

const ResponseFormat = z.discriminatedUnion(
  'type',
  [
    z.looseObject({ type: z.literal('text') }),
    z.looseObject({
      type: z.literal('json_object'),
      schema: JsonSchema.nullish().meta({ description: "llama.cpp's: as with json_schema." }),
    }),
    z.looseObject({
      type: z.literal('json_schema'),
      json_schema: z
        .looseObject({
          name: z.string().max(64).nullish(),
          description: z.string().nullish(),
          schema: JsonSchema.nullish(),
          strict: z.boolean().nullish().meta({ description: 'Answers are held to the schema either way.' }),
        })
        .nullish(),
      schema: JsonSchema.nullish().meta({ description: "llama.cpp's place of the schema." }),
    }),
  ],
  { error: 'must be an object with type "text", "json_object" or "json_schema"' },
);

export const FormatFields = {
  response_format: ResponseFormat.nullish().meta({
    description:
      'Holds the answer to JSON, or to a schema: it parses and validates unless `finish_reason` is "length". Schema keywords that cannot be held to are refused by name and place: docs/requests.md lists them.',
  }),
  structured_outputs: z
    .strictObject({
      json: z.union([JsonSchema, z.string()]).nullish(),
      json_object: z.boolean().nullish(),
      regex: z.string().min(1).max(2_000).nullish(),
      choice: list(z.string().min(1).max(2_000), { min: 1, max: 256 }).nullish(),
      grammar: z.string().min(1).max(50_000).nullish(),
    })
    .nullish()
    .meta({
      description: "vLLM's: one of a JSON schema, a regular expression, choices, or an EBNF grammar.",
    }),
};
export type FormatOptions = z.output<z.ZodObject<typeof FormatFields>>;
