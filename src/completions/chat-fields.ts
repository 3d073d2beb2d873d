/** Fields that only a chat has, and which of them exclude each other. */
import { errors } from '../errors.js';
import type { ChatRequest } from '../schemas/chat.js';
import { type Constraint, formatConstraint } from './constraint.js';
import type { PromptOptions } from './prompt.js';
import { callableTools, toolConstraint } from './tools.js';

/**
 * What the answer is held to; null when it is free.
 * @throws SteerdError for tools beside a format, which exclude each other unless no tool may be called
 */
export function chatConstraint(body: ChatRequest): Constraint | null {
  const format = formatConstraint(body);
  const tools = toolConstraint(body);
  if (format !== null && tools !== null) {
    throw errors.invalidRequest(
      `${format.constraintField.split('.')[0]} must be left out with tools, unless tool_choice is "none".`,
      format.constraintField.split('.')[0] ?? null,
    );
  }
  return format ?? tools;
}

/** The assistant's last message, where `echo` puts it before the answer. */
export function echoedMessage({ echo, messages }: ChatRequest): string {
  const last = messages.at(-1);
  if (!echo || last?.role !== 'assistant' || !last.content) return '';
  return typeof last.content === 'string' ? last.content : last.content.map(({ text }) => text).join('\n');
}

/**
 * Likeliest tokens to show beside each of the answer's; null when no log-probabilities are asked for.
 * @throws SteerdError when they are counted but not asked for
 */
export function chatLogprobCount({ logprobs, top_logprobs }: ChatRequest): number | null {
  if (logprobs) return top_logprobs ?? 0;
  if (typeof top_logprobs === 'number' && top_logprobs > 0) {
    throw errors.invalidRequest('top_logprobs must be left out unless logprobs is true.', 'top_logprobs');
  }
  return null;
}

/**
 * How the conversation becomes a prompt.
 * @throws SteerdError when the last message is to be continued and followed by a new one
 */
export function promptOptions(body: ChatRequest): PromptOptions {
  if (body.continue_final_message && body.add_generation_prompt) {
    throw errors.invalidRequest(
      'add_generation_prompt must be left out or false when continue_final_message is true.',
      'add_generation_prompt',
    );
  }
  return {
    continueFinal: body.continue_final_message ?? false,
    addGenerationPrompt: body.add_generation_prompt ?? undefined,
    variables: body.chat_template_kwargs ?? {},
    tools: callableTools(body),
  };
}
