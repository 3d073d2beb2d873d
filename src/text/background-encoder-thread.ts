/** The thread of tokenizer-thread.ts. */
import { parentPort, workerData } from 'node:worker_threads';
import type { EncodeReply, EncodeRequest } from './background-encoder.js';
import { loadTokenizer } from './tokenizer.js';

if (parentPort) {
  const port = parentPort;
  const tokenizer = loadTokenizer(workerData as string);
  port.on('message', async ({ id, text, addSpecialTokens }: EncodeRequest) => {
    const reply = (ids: Uint32Array<ArrayBuffer> | null, error: string | null) =>
      port.postMessage({ id, ids, error } satisfies EncodeReply, ids === null ? [] : [ids.buffer]);
    try {
      const options = addSpecialTokens === undefined ? {} : { addSpecialTokens };
      reply(Uint32Array.from((await tokenizer).encode(text, options)), null);
    } catch (error) {
      reply(null, (error as Error).message);
    }
  });
}
