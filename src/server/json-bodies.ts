/** JSON bodies, with a reason when they are malformed. */
import type { FastifyInstance, FastifyRequest } from 'fastify';
import { errors } from '../errors.js';
import { isDeeperThan } from '../http/json-depth.js';

type Done = (error: Error | null, value?: unknown) => void;

/** Far deeper than any request or JSON schema of use. */
const maximumJsonDepth = 128;

/** The parser of every JSON body. An empty body is no body. */
export function jsonParser(app: Pick<FastifyInstance, 'getDefaultJsonParser'>) {
  const parse = app.getDefaultJsonParser('error', 'error');
  return (request: FastifyRequest, body: string, done: Done): void => {
    if (body.length === 0) done(null, undefined);
    else if (isDeeperThan(body, maximumJsonDepth)) done(errors.jsonTooDeep(maximumJsonDepth));
    else
      parse(request, body, (error: Error | null, value?: unknown) => {
        if (error === null) done(null, value);
        else done(errors.malformedJson(faultOf(body)));
      });
  };
}

function faultOf(body: string): string {
  try {
    JSON.parse(body);
    return 'it has a key that is not allowed, "__proto__" or "constructor.prototype"';
  } catch (error) {
    return error instanceof Error ? error.message : String(error);
  }
}
