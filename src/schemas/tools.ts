/** Tools of a chat: OpenAI's shapes. */
import { z } from 'zod';
import { list } from './fields.js';

/** OpenAI's names, and the dots, colons and slashes that agents put between a server's name and a tool's. */
export const functionName = z.string().regex(/^[a-zA-Z0-9_.:/-]{1,128}$/, {
  error: 'must be 1 to 128 letters, digits, "_", "-", ".", ":" or "/"',
});

export const mostTools = 128;

const FunctionDefinition = z.looseObject({
  name: functionName,
  description: z.string().nullish(),
  parameters: z
    .record(z.string(), z.unknown())
    .nullish()
    .meta({ description: 'JSON schema of the arguments.' }),
  strict: z.boolean().nullish().meta({
    description:
      'true: what calls cannot be held to while they are written is refused. Else that place is loosened: the finished call is validated, and the reply names it under `loosened_tools`.',
  }),
});

export const Tool = z.looseObject({
  type: z.literal('function', { error: 'must be "function"' }),
  function: FunctionDefinition,
});
export type Tool = z.output<typeof Tool>;

const NamedTool = z.looseObject({
  type: z.literal('function'),
  function: z.looseObject({ name: functionName }),
});

export const toolModes = ['none', 'auto', 'required'] as const;

export const ToolChoice = z.union([
  z.enum(toolModes),
  NamedTool,
  z.looseObject({
    type: z.literal('allowed_tools'),
    allowed_tools: z.looseObject({
      mode: z.enum(['auto', 'required']),
      tools: list(NamedTool, { min: 1, max: mostTools }),
    }),
  }),
]);
export type ToolChoice = z.output<typeof ToolChoice>;

/** What no schema of one field can say of it. */
export const toolChoiceWords =
  'Names, in a function and in a list of allowed tools, are those of `tools`; without tools only "none" and "auto" are.';

export const ToolFields = {
  tools: list(Tool, { max: mostTools }).nullish().meta({
    description:
      "Functions that the model may call. Calls are held to the functions' parameters. A chat template without tools gets them described in the system message.",
  }),
  tool_choice: ToolChoice.nullish().meta({
    default: 'auto',
    description: toolChoiceWords,
  }),
  parallel_tool_calls: z.boolean().nullish().meta({ default: true, description: 'Allow several calls.' }),
  functions: list(FunctionDefinition, { max: mostTools }).nullish().meta({
    description: "OpenAI's older form of `tools`: the answer has `function_call` then. Not beside `tools`.",
  }),
  function_call: z
    .union([z.enum(['none', 'auto']), z.looseObject({ name: functionName })])
    .nullish()
    .meta({ description: "OpenAI's older form of `tool_choice`, with `functions`." }),
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

export const FunctionCall = z.object({ name: z.string().optional(), arguments: z.string() });

/** Where the calls of a reply were not held to their tool's parameters while they were written. */
export const LoosenedTools = z
  .array(
    z.object({
      tool: z.string(),
      path: z
        .string()
        .meta({ description: 'The place in its parameters, such as "schema.properties.a.pattern".' }),
      reason: z.string(),
    }),
  )
  .optional()
  .meta({
    description:
      'Places in the parameters of tools that no grammar can hold a call to while it is written; finished calls were validated all the same. Left out when there are none.',
  });
export type LoosenedTools = z.output<typeof LoosenedTools>;

/** Finished calls whose arguments do not validate. */
export const ToolCallFaults = z
  .array(
    z.object({
      index: z.int().meta({ description: 'Of the call among those of the answer.' }),
      at: z.string().meta({ description: 'JSON pointer into its arguments.' }),
      message: z.string(),
    }),
  )
  .optional()
  .meta({
    description:
      "Finished calls that do not fit their tool's parameters, which happens only where they were loosened, or in a form that they are not held to. Left out when all fit.",
  });
export type ToolCallFaults = z.output<typeof ToolCallFaults>;
