/** Whether a model writes a JSON object when asked for one: the first `{...}` of its greedy answer parses. */
import { type ActivationEdit, greedy } from '../../engine/protocol.js';
import type { LoadedModel } from '../../models/model.js';

/** More than any of the objects asked for takes. */
export const jsonTokens = 64;

/**
 * The first `{...}` of a text, with braces in strings left out of the count; null while it is not closed.
 */
export function firstObject(text: string): string | null {
  const start = text.indexOf('{');
  if (start < 0) return null;
  let depth = 0;
  let inString = false;
  for (let i = start; i < text.length; i++) {
    const character = text[i];
    if (inString) {
      if (character === '\\') i++;
      else if (character === '"') inString = false;
    } else if (character === '"') inString = true;
    else if (character === '{') depth++;
    else if (character === '}' && --depth === 0) return text.slice(start, i + 1);
  }
  return null;
}

/**
 * Stops at the object's end: what is said after it does not matter.
 * @param prompt token ids up to where the answer begins.
 * @throws what the engine throws; the signal's reason when aborted.
 */
export async function writesJson(
  { engine, tokenizer, stopTokens }: LoadedModel,
  prompt: readonly number[],
  edit: ActivationEdit,
  signal: AbortSignal,
): Promise<boolean> {
  const request = { prompt, maxTokens: jsonTokens, stopTokens, minTokens: 0, sampling: greedy, edit };
  const tokens: number[] = [];
  for await (const { token } of engine.generate({ ...request, priority: 'background' }, signal)) {
    if (token === null) break;
    tokens.push(token);
    const object = firstObject(tokenizer.decode(tokens, { skipSpecialTokens: true }));
    if (object !== null) return parses(object);
  }
  signal.throwIfAborted();
  return false;
}

function parses(text: string): boolean {
  try {
    JSON.parse(text);
    return true;
  } catch {
    return false;
  }
}
