/** What a request may say of the reasoning of models that reason before they answer. */
import { z } from 'zod';

export const ReasoningFields = {
  enable_thinking: z.boolean().nullish().meta({
    description:
      'Whether the model is to reason first: a variable of chat templates, as in `chat_template_kwargs`.',
  }),
  reasoning_effort: z
    .enum(['none', 'minimal', 'low', 'medium', 'high', 'xhigh'])
    .nullish()
    .meta({ description: 'A variable of chat templates; `none` also turns `enable_thinking` off.' }),
  separate_reasoning: z.boolean().nullish().meta({
    default: true,
    description:
      'Reasoning, where the chat template says that the model marks it, comes as `reasoning_content`; false leaves it in the text, marks included.',
  }),
  include_reasoning: z
    .boolean()
    .nullish()
    .meta({ default: true, description: 'false: reasoning is made, and left out of the reply.' }),
};
type ReasoningOptions = z.output<z.ZodObject<typeof ReasoningFields>>;

export const Reasoning = z
  .string()
  .optional()
  .meta({ description: 'What the model reasoned before its answer; left out when it did not.' });

/** Where the reasoning goes. */
export const reasoningPlace = ({
  separate_reasoning: apart,
  include_reasoning: included,
}: Pick<ReasoningOptions, 'separate_reasoning' | 'include_reasoning'>): 'apart' | 'omitted' | 'inline' =>
  apart === false ? 'inline' : included === false ? 'omitted' : 'apart';

/** Variables of the chat template. */
export const reasoningVariables = ({
  enable_thinking: thinks,
  reasoning_effort: effort,
}: Pick<ReasoningOptions, 'enable_thinking' | 'reasoning_effort'>): Readonly<Record<string, unknown>> => ({
  ...(effort && { reasoning_effort: effort }),
  ...(effort === 'none' && { enable_thinking: false }),
  ...(typeof thinks === 'boolean' && { enable_thinking: thinks }),
});
