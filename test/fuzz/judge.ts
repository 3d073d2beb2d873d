/** Whether an answer is one that the description allows. */
import type { Description, Schema } from './document.js';
import type { FuzzRequest } from './requests.js';
import type { Answer } from './send.js';

const errorSchema: Schema = { $ref: '#/components/schemas/Error' };
/** Whatever the operation says: keys are checked and limits counted for all of them, and a server may be stopping. */
const unavailable = 503;

const mediaTypeOf = ({ headers }: Answer) => String(headers['content-type'] ?? '').split(';', 1)[0] ?? '';

/** What is wrong with the answer; null when nothing is. */
export function judge(description: Description, asked: FuzzRequest, answer: Answer): string | null {
  const { status, body } = answer;
  if (status >= 500 && status !== unavailable) return `status ${status}: ${body.toString().slice(0, 500)}`;
  if ([429, 503].includes(status) && answer.headers['retry-after'] === undefined)
    return `${status} without Retry-After`;
  const text = body.toString();
  if (asked.method !== asked.operation.method) return judgeOtherMethod(description, asked, answer);
  // The router itself knows neither the route nor what it documents; where the path still leads there, the route answers.
  if (asked.wrong === 'path' && [400, 404, 414].includes(status) && errorFault(description, text) === null)
    return null;
  const declared = asked.operation.responses[String(status)];
  if (declared === undefined) return `status ${status} is not declared: ${text.slice(0, 300)}`;
  if (declared.content === undefined)
    return body.length > 0 ? `${status} has a body: ${text.slice(0, 300)}` : null;
  const type = mediaTypeOf(answer);
  const schema = declared.content[type]?.schema;
  if (schema === undefined) return `${status} in ${type || 'no type'} is not declared`;
  if (type === 'application/json') return jsonFault(description, schema, text);
  if (type === 'text/event-stream') return eventsFault(description, schema, text, asked);
  return body.length > 0 ? null : `${status} in ${type} is empty`;
}

/** A method that the path does not have may be another operation's; else it is refused. */
function judgeOtherMethod(description: Description, asked: FuzzRequest, answer: Answer): string | null {
  if (asked.method === 'HEAD') return answer.body.length > 0 ? 'HEAD with a body' : null;
  const other = description.operations.find(
    ({ method, path }) => method === asked.method && path === asked.operation.path,
  );
  if (other !== undefined) return judge(description, { ...asked, operation: other }, answer);
  if (![400, 404, 413, 415].includes(answer.status)) return `${asked.method} is answered ${answer.status}`;
  return errorFault(description, answer.body.toString());
}

function jsonFault(description: Description, schema: Schema, text: string): string | null {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    return `no JSON: ${text.slice(0, 300)}`;
  }
  const fault = description.faultOf(schema, value);
  return fault && `${fault}: ${text.slice(0, 600)}`;
}

const errorFault = (description: Description, text: string) => jsonFault(description, errorSchema, text);

/** Each event by the schema, or an error that ended the stream. */
function eventsFault(
  description: Description,
  schema: Schema,
  text: string,
  asked: FuzzRequest,
): string | null {
  const datas = text
    .split('\n\n')
    .map((event) => /^data: (.*)$/m.exec(event)?.[1])
    .filter((data) => data !== undefined);
  const chat = /^create(Chat)?Completion$/.test(asked.operation.id);
  // A job's stream begins with a comment; reading may end before the job's first event.
  if (datas.length === 0 && !chat && /^(:[^\n]*\n+)+$/.test(text)) return null;
  if (datas.length === 0) return `a stream without events: ${JSON.stringify(text.slice(0, 300))}`;
  for (const [i, data] of datas.entries()) {
    const last = i === datas.length - 1;
    if (last && data.startsWith('{"error":')) return `the stream broke: ${data}`;
    if (chat && last) return data === '[DONE]' ? null : `the stream ends with ${data.slice(0, 300)}`;
    const fault = jsonFault(description, schema, data);
    if (fault !== null) return fault;
  }
  return null;
}

/** Whether the server took a body that the description forbids. */
export function takenWrongly(
  description: Description,
  asked: FuzzRequest,
  { status }: Answer,
): string | null {
  const { operation, body, method } = asked;
  if (status >= 300 || operation.body === undefined || body === undefined || method !== operation.method)
    return null;
  if (!(asked.headers['content-type'] ?? '').startsWith('application/json')) return null;
  let value: unknown;
  try {
    value = JSON.parse(body);
  } catch {
    return body === '' ? null : `a body that is no JSON was answered ${status}: ${body.slice(0, 200)}`;
  }
  const fault = description.faultOf(operation.body, value);
  return fault && `${status} for what the description forbids: ${fault}`;
}
