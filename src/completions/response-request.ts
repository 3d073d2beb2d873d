/** The body of a response as a neutral request. Some fields have other names than a chat's: errors use the body's own. */
import { newId } from '../common/stamps.js';
import { errors } from '../errors.js';
import type { ChatMessage } from '../schemas/chat.js';
import { type InputItem, type ResponseRequest, responseFields } from '../schemas/responses.js';
import type { Tool, ToolCall, ToolChoice } from '../schemas/tools.js';
import { type Constraint, jsonObject, jsonSchema } from './constraint.js';
import { commonAnswer, type NeutralRequest } from './neutral-request.js';
import { partsText } from './prompt.js';
import { askedTools } from './tools.js';
import { refuseUnsupported } from './unsupported-fields.js';

const known = [...Object.keys(responseFields.shape), 'reasoning', 'truncation', 'service_tier'];

/** Fields that would need what this server does not have; `null`, `false`, `[]` and absence ask for nothing. */
const refused: Readonly<Record<string, string>> = {
  previous_response_id: 'no response is stored: send the whole conversation as input',
  conversation: 'no conversation is stored: send it as input',
  background: 'the answer comes with the request; stream it',
  prompt: 'send instructions and input',
  n: 'POST /v1/chat/completions has it',
  prompt_logprobs: 'POST /v1/chat/completions has them',
  return_token_ids: 'POST /v1/chat/completions has them',
  max_tokens: 'say it as max_output_tokens',
  messages: 'say it as input',
};

/** @throws SteerdError for what is wrong with the body whatever the model */
export function responseRequest(body: ResponseRequest): NeutralRequest {
  refuseUnknown(body);
  const { concept, strength, steering } = body;
  if (steering && 'choices' in steering) {
    throw errors.notSupported(
      'steering.choices',
      'a response has one answer; POST /v1/chat/completions compares them',
    );
  }
  const format = formatConstraint(body.text?.format);
  const { tools, constraint: toolCalls } = askedTools(
    {
      tools: body.tools?.map(nestedTool),
      tool_choice: nestedChoice(body.tool_choice),
      parallel_tool_calls: body.parallel_tool_calls,
    },
    { parameters: (index) => `tools.${index}.parameters`, chosenName: 'tool_choice.name' },
  );
  if (format !== null && toolCalls !== null) {
    throw errors.invalidRequest(
      'text.format must be left out with tools, unless tool_choice is "none".',
      'text.format',
    );
  }
  return {
    fields: { prompt: 'input', maxTokens: 'max_output_tokens', format: 'text.format' },
    prompt: {
      kind: 'chat',
      model: body.model ?? undefined,
      keepLast: body.truncate_prompt_tokens ?? undefined,
      messages: conversation(body),
      ends: 'generation-prompt',
      tools,
      variables: {},
    },
    answer: {
      ...commonAnswer(body),
      n: 1,
      maxTokens: { asked: body.max_output_tokens ?? undefined, usual: Number.POSITIVE_INFINITY },
      constraint: format ?? toolCalls,
      steering: { concept, strength, steering },
      logprobs: askedLogprobs(body),
      promptLogprobs: null,
    },
    reply: {
      id: newId('resp', '_'),
      stream: body.stream ? { usage: false } : null,
      echo: { kind: 'nothing' },
      skipSpecialTokens: body.skip_special_tokens ?? true,
      tokenIds: false,
    },
  };
}

const asksNothing = (value: unknown) =>
  value === null ||
  value === undefined ||
  value === false ||
  value === 0 ||
  (Array.isArray(value) && value.length === 0);

function refuseUnknown(body: ResponseRequest): void {
  for (const [field, instead] of Object.entries(refused)) {
    if (!asksNothing(body[field])) throw errors.notSupported(field, instead);
  }
  const others = Object.entries(body).filter(([field]) => !(field in refused));
  refuseUnsupported(Object.fromEntries(others), known);
}

function askedLogprobs({ include, top_logprobs }: ResponseRequest): number | null {
  const count = top_logprobs ?? 0;
  return count > 0 || include?.includes('message.output_text.logprobs') ? count : null;
}

function formatConstraint(format: NonNullable<ResponseRequest['text']>['format']): Constraint | null {
  if (!format || format.type === 'text') return null;
  return format.type === 'json_object'
    ? jsonObject('text.format')
    : jsonSchema(format.schema, 'text.format.schema');
}

/** As messages of a chat, in which calls belong to the assistant's message before them. */
function conversation({ instructions, input }: ResponseRequest): ChatMessage[] {
  const messages: ChatMessage[] = instructions ? [{ role: 'system', content: instructions }] : [];
  if (typeof input === 'string') return [...messages, { role: 'user', content: input }];
  for (const item of input) append(messages, item);
  return messages;
}

function append(messages: ChatMessage[], item: InputItem): void {
  if (item.type === 'function_call') {
    const call: ToolCall = {
      id: item.call_id,
      type: 'function',
      function: { name: item.name, arguments: item.arguments },
    };
    const last = messages.at(-1);
    if (last?.role === 'assistant') last.tool_calls = [...(last.tool_calls ?? []), call];
    else messages.push({ role: 'assistant', content: null, tool_calls: [call] });
  } else if (item.type === 'function_call_output') {
    messages.push({ role: 'tool', content: partsText(item.output), tool_call_id: item.call_id });
  } else {
    messages.push({ role: item.role, content: partsText(item.content) });
  }
}

const nestedTool = ({
  name,
  description,
  parameters,
}: NonNullable<ResponseRequest['tools']>[number]): Tool => ({
  type: 'function',
  function: { name, description, parameters },
});

function nestedChoice(choice: ResponseRequest['tool_choice']): ToolChoice | undefined {
  if (choice === null || choice === undefined) return undefined;
  return typeof choice === 'string' ? choice : { type: 'function', function: { name: choice.name } };
}
