/** The conversation of a response: its input, with what it refers to from the store, as messages of a chat. */
import { errors } from '../errors.js';
import type { ChatMessage } from '../schemas/chat.js';
import type { InputItem, ItemReference, ResponseRequest } from '../schemas/responses.js';
import type { ToolCall } from '../schemas/tools.js';
import { type ConversationItem, idOf, type OwnResponses } from './response-store.js';
import { partsText } from './template-messages.js';

/**
 * Every item of the conversation so far, without instructions.
 * @throws SteerdError previous_response_not_found, item_not_found, database_unavailable
 */
export async function conversationItems(
  { input, previous_response_id: previous }: Pick<ResponseRequest, 'input' | 'previous_response_id'>,
  responses: Pick<OwnResponses, 'get' | 'items'>,
): Promise<readonly ConversationItem[]> {
  const items: ConversationItem[] = [];
  if (previous) {
    const stored = await responses.get(previous);
    if (stored === undefined) throw errors.previousResponseNotFound(previous);
    items.push(...stored.conversation, ...stored.response.output);
  }
  if (typeof input === 'string') return [...items, { type: 'message', role: 'user', content: input }];
  const there = new Set(items.map(idOf));
  // Clients refer to items that the previous response has already, which was just read.
  const named = input.filter(isReference).flatMap(({ id }) => (there.has(id) ? [] : [id]));
  const stored = named.length === 0 ? new Map<string, ConversationItem>() : await responses.items(named);
  for (const [i, item] of input.entries()) {
    if (!isReference(item)) {
      items.push(item);
      continue;
    }
    if (there.has(item.id)) continue;
    const found = stored.get(item.id);
    if (found === undefined) throw errors.itemNotFound(item.id, `input.${i}.id`);
    there.add(item.id);
    items.push(found);
  }
  return items;
}

const isReference = (item: InputItem): item is ItemReference =>
  'id' in item && (item.type === 'item_reference' || (!item.type && !('role' in item)));

/** As messages of a chat, in which calls and reasoning belong to the assistant's message. */
export function conversationMessages(
  items: readonly ConversationItem[],
  instructions: string | null | undefined,
): ChatMessage[] {
  const messages: ChatMessage[] = instructions ? [{ role: 'system', content: instructions }] : [];
  let reasoning = '';
  const reasoned = () => {
    const said = reasoning === '' ? {} : { reasoning_content: reasoning };
    reasoning = '';
    return said;
  };
  for (const item of items) {
    switch (item.type) {
      case 'reasoning':
        reasoning = [...(item.content ?? []), ...(item.content?.length ? [] : (item.summary ?? []))]
          .map(({ text }) => text)
          .join('\n');
        break;
      case 'function_call': {
        const call: ToolCall = {
          id: item.call_id,
          type: 'function',
          function: { name: item.name, arguments: item.arguments },
        };
        const last = messages.at(-1);
        if (last?.role === 'assistant' && reasoning === '')
          last.tool_calls = [...(last.tool_calls ?? []), call];
        else messages.push({ role: 'assistant', content: null, tool_calls: [call], ...reasoned() });
        break;
      }
      case 'function_call_output':
        messages.push({ role: 'tool', content: partsText(item.output), tool_call_id: item.call_id });
        break;
      default: {
        const more = item.role === 'assistant' ? reasoned() : {};
        messages.push({ role: item.role, content: partsText(item.content), ...more });
      }
    }
  }
  return messages;
}
