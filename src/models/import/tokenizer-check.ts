/** Whether a tokenizer.json gives every id to one token. */
import { readFile } from 'node:fs/promises';
import { isPlainObject } from '../../common/canonical-json.js';
import { errors } from '../../errors.js';

/** @throws SteerdError checkpoint_invalid */
export async function refuseTwinIds(path: string): Promise<void> {
  const definition = parsed(await readFile(path, 'utf8'));
  const { model, added_tokens: added } = definition;
  const tokens = new Map<number, string>();
  const put = (token: string, id: unknown) => {
    if (!Number.isSafeInteger(id) || Number(id) < 0) {
      throw errors.checkpointInvalid('tokenizer.json', `${shownToken(token)} has no id that is a count`);
    }
    const other = tokens.get(Number(id));
    if (other !== undefined && other !== token) {
      throw errors.checkpointInvalid(
        'tokenizer.json',
        `${shownToken(other)} and ${shownToken(token)} both have id ${id}`,
      );
    }
    tokens.set(Number(id), token);
  };
  // The vocabulary of Unigram is a list, whose places are the ids.
  if (isPlainObject(model) && isPlainObject(model.vocab)) {
    for (const [token, id] of Object.entries(model.vocab)) put(token, id);
  }
  for (const token of Array.isArray(added) ? added : []) {
    if (isPlainObject(token) && typeof token.content === 'string') put(token.content, token.id);
  }
}

const shownToken = (token: string) => JSON.stringify(token.slice(0, 40));

function parsed(text: string): Record<string, unknown> {
  try {
    const value: unknown = JSON.parse(text);
    if (isPlainObject(value)) return value;
  } catch {
    // Told below.
  }
  throw errors.checkpointInvalid('tokenizer.json', 'it is not a JSON object');
}
