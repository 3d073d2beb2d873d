/** What is read of an answer with calls: text, and deltas of calls. */
import type { ToolCallDelta } from '../schemas/tools.js';

export type CallPart = string | ToolCallDelta;

/** Parts with neighbours of one kind put together. */
export function merged(parts: readonly CallPart[]): CallPart[] {
  const result: CallPart[] = [];
  for (const part of parts) {
    const last = result.at(-1);
    if (typeof part === 'string') {
      if (typeof last === 'string') result[result.length - 1] = last + part;
      else result.push(part);
    } else if (typeof last === 'object' && last.index === part.index) {
      result[result.length - 1] = {
        ...last,
        function: { ...last.function, arguments: last.function.arguments + part.function.arguments },
      };
    } else result.push(part);
  }
  return result;
}
