/** JSON bodies, with a reason when they are malformed. */
import type { FastifyInstance, FastifyRequest } from 'fastify';
import { errors } from '../errors.js';
import { isDeeperThan, mostJsonDepth } from '../http/json-depth.js';

type Done = (error: Error | null, value?: unknown) => void;

/** The parser of every JSON body. An empty body is no body. */
export function jsonParser(app: Pick<FastifyInstance, 'getDefaultJsonParser'>) {
  const parse = app.getDefaultJsonParser('error', 'error');
  return (request: FastifyRequest, bytes: Buffer, done: Done): void => {
    const body = utf8(bytes);
    if (body === null) done(errors.malformedJson(`byte ${faultyByte(bytes)} of it is not UTF-8`));
    else if (body.length === 0) done(null, undefined);
    else if (isDeeperThan(body, mostJsonDepth)) done(errors.jsonTooDeep(mostJsonDepth));
    else
      parse(request, body, (error: Error | null, value?: unknown) => {
        if (error === null) done(null, value);
        else done(errors.malformedJson(faultOf(body)));
      });
  };
}

const strict = new TextDecoder('utf-8', { fatal: true });

/** Null for bytes that are not UTF-8: a lenient reader would put other characters in their place, and say nothing. */
function utf8(bytes: Uint8Array): string | null {
  try {
    return strict.decode(bytes);
  } catch {
    return null;
  }
}

/** The first byte, from 0, up to which the bytes are whole characters and after which they are not. */
function faultyByte(bytes: Uint8Array): number {
  let [whole, broken] = [0, bytes.length];
  while (broken - whole > 1) {
    const middle = (whole + broken) >> 1;
    if (isBegin(bytes.subarray(0, middle))) whole = middle;
    else broken = middle;
  }
  return whole;
}

/** Whether more bytes could make it UTF-8. */
function isBegin(bytes: Uint8Array): boolean {
  try {
    new TextDecoder('utf-8', { fatal: true }).decode(bytes, { stream: true });
    return true;
  } catch {
    return false;
  }
}

function faultOf(body: string): string {
  try {
    JSON.parse(body);
    return 'it has a key that is not allowed, "__proto__" or "constructor.prototype"';
  } catch (error) {
    return error instanceof Error ? error.message : String(error);
  }
}
