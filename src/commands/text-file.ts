/** Files of texts that a command is given: whole, UTF-8, and of a size that a request may have. */
import { readFile, stat } from 'node:fs/promises';
import { shownBytes } from '../common/byte-size.js';
import { errors } from '../errors.js';

const mostBytes = 256 * 1024 ** 2;

/**
 * @param field what the file is, as errors call it
 * @throws SteerdError invalid_value naming the file and what is wrong with it
 */
export async function readTextFile(file: string, field: string): Promise<string> {
  let bytes: Uint8Array;
  try {
    const { size } = await stat(file);
    if (size > mostBytes) {
      throw errors.invalidRequest(
        `${field} must be a file of at most ${shownBytes(mostBytes)}; ${file} has ${shownBytes(size)}.`,
        field,
      );
    }
    bytes = await readFile(file);
  } catch (error) {
    if ((error as { status?: number }).status !== undefined) throw error;
    throw errors.invalidRequest(
      `${field} must be a file that can be read: ${(error as Error).message}.`,
      field,
    );
  }
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(bytes);
  } catch {
    const is = isUtf16(bytes) ? 'UTF-16; save it as UTF-8' : 'of another encoding or no text';
    throw errors.invalidRequest(`${field} must be UTF-8 text; ${file} is ${is}.`, field);
  }
}

const isUtf16 = ([first, second]: Uint8Array) =>
  (first === 0xff && second === 0xfe) || (first === 0xfe && second === 0xff);
