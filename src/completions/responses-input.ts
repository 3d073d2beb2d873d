/** The conversation of a response as the chat has it: calls belong to the assistant's message before them. */
import type { ChatMessage } from '../schemas/chat.js';
import type { InputItem, ResponseRequest } from '../schemas/responses.js';
import type { Tool, ToolCall, ToolChoice } from '../schemas/tools.js';

type Parts = string | readonly { readonly text: string }[];

const textOf = (content: Parts) =>
  typeof content === 'string' ? content : content.map(({ text }) => text).join('\n');

export function chatMessages({ instructions, input }: ResponseRequest): ChatMessage[] {
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
    messages.push({ role: 'tool', content: textOf(item.output), tool_call_id: item.call_id });
  } else {
    messages.push({ role: item.role, content: textOf(item.content) });
  }
}

export const chatTools = (tools: ResponseRequest['tools']): Tool[] | undefined =>
  tools?.map(({ name, description, parameters }) => ({
    type: 'function',
    function: { name, description, parameters },
  }));

export function chatToolChoice(choice: ResponseRequest['tool_choice']): ToolChoice | undefined {
  if (choice === null || choice === undefined) return undefined;
  return typeof choice === 'string' ? choice : { type: 'function', function: { name: choice.name } };
}
