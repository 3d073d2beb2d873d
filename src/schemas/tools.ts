/** Tools of a chat: OpenAI's shapes. */
import { z } from 'zod';

export const functionName = z
  .string()
  .regex(/^[a-zA-Z0-9_-]{1,64}$/, { error: 'must be 1 to 64 letters, digits, "_" or "-"' });

export const Tool = z.looseObject({
  type: z.literal('function', { error: 'must be "function"' }),
  function: z.looseObject({
    name: functionName,
    description: z.string().nullish(),
    parameters: z
      .record(z.string(), z.unknown())
      .nullish()
      .meta({ description: 'JSON schema of the arguments.' }),
    strict: z.boolean().nullish(),
  }),
});
export type Tool = z.output<typeof Tool>;

export const ToolChoice = z.union([
  z.enum(['none', 'auto', 'required']),
  z.looseObject({ type: z.literal('function'), function: z.looseObject({ name: functionName }) }),
]);
export type ToolChoice = z.output<typeof ToolChoice>;

export const ToolFields = {
  tools: z.array(Tool).max(64).nullish().meta({
    description:
      "Functions that the model may call. Calls are held to the functions' parameters. A chat template without tools gets them described in the system message.",
  }),
  tool_choice: ToolChoice.nullish().meta({ default: 'auto' }),
  parallel_tool_calls: z.boolean().nullish().meta({ default: true, description: 'Allow several calls.' }),
};

export const ToolCall = z.object({
  id: z.string(),
  type: z.literal('function'),
  function: z.object({ name: z.string(), arguments: z.string().meta({ description: 'JSON.' }) }),
});
export type ToolCall = z.output<typeof ToolCall>;

export const ToolCallDelta = z.object({
  index: z.int(),
  id: z.string().optional(),
  type: z.literal('function').optional(),
  function: z.object({ name: z.string().optional(), arguments: z.string() }),
});
export type ToolCallDelta = z.output<typeof ToolCallDelta>;
