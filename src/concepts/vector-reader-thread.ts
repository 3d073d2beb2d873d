/** The thread of vector-reader.ts: reads one file, says what it holds or why it is refused, and ends. */
import { parentPort, workerData } from 'node:worker_threads';
import { SteerdError } from '../errors.js';
import type { Concept } from './concept.js';
import { conceptOfFile, type VectorFile } from './vector-file.js';

export type ReadReply =
  | { readonly concept: Concept }
  | { readonly refused: Pick<SteerdError, 'code' | 'status' | 'type' | 'message' | 'param'> };

function read(file: VectorFile): ReadReply {
  try {
    return { concept: conceptOfFile(file) };
  } catch (error) {
    if (!(error instanceof SteerdError)) throw error;
    const { code, status, type, message, param } = error;
    return { refused: { code, status, type, message, param } };
  }
}

parentPort?.postMessage(read(workerData as VectorFile));
