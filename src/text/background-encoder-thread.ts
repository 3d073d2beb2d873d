/**
 * The thread behind background-encoder.ts: encodes the texts it is sent with the tokenizer of the folder it is given.
 */
import { parentPort, workerData } from 'node:worker_threads';
import { readTokenizer } from './huggingface-tokenizer.js';
import type { EncodeOptions } from './tokenizer.js';

export interface EncodeRequest {
  readonly id: number;
  readonly text: string;
  readonly options: EncodeOptions;
}

export interface EncodeReply {
  /** That of the request. */
  readonly id: number;
  readonly ids: Uint32Array | null;
  /** Why there are no ids. */
  readonly error: string | null;
}

if (parentPort) {
  const port = parentPort;
  const tokenizer = readTokenizer(String(workerData));
  port.on('message', async ({ id, text, options }: EncodeRequest) => {
    const reply = (ids: Uint32Array<ArrayBuffer> | null, error: string | null) =>
      port.postMessage({ id, ids, error } satisfies EncodeReply, ids === null ? [] : [ids.buffer]);
    try {
      reply(Uint32Array.from((await tokenizer).encode(text, options)), null);
    } catch (error) {
      reply(null, (error as Error).message);
    }
  });
}
