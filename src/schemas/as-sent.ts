/**
 * Completion bodies as clients send them, brought into the form that the schemas describe before they are checked: `null`
 * means not given, and what other servers call by other names has its own name here. Nothing is lost on the way: two
 * names with different values are refused, and what is malformed stays as it is, for the schema to refuse.
 */
import type { z } from 'zod';
import { isObject } from './fields.js';

type Body = Record<string, unknown>;

/** Other servers' names (llama.cpp, TGI, text-generation-webui) of our fields. */
const renamed: Readonly<Record<string, string>> = {
  n_predict: 'max_tokens',
  num_predict: 'max_tokens',
  max_new_tokens: 'max_tokens',
  repeat_penalty: 'repetition_penalty',
  rep_pen: 'repetition_penalty',
  typical: 'typical_p',
};

/** Of vLLM before structured_outputs, of llama.cpp and of SGLang: how structured_outputs calls it. */
const constraints: Readonly<Record<string, string>> = {
  guided_json: 'json',
  guided_regex: 'regex',
  guided_choice: 'choice',
  guided_grammar: 'grammar',
  json_schema: 'json',
  regex: 'regex',
  grammar: 'grammar',
  ebnf: 'grammar',
};

/** More tokens than any context has room for. */
export const noLimit = 100_000_000;

const lengths = ['max_tokens', 'max_completion_tokens', 'max_output_tokens'];

const isMissing = (value: unknown) => value === null || value === undefined;
const isEmpty = (value: unknown) =>
  value === '' || (isObject(value) && Object.keys(value as object).length === 0);

/**
 * For `z.preprocess`.
 * @param lengthField what the endpoint calls the most tokens of an answer
 */
export const asSent =
  (lengthField: 'max_tokens' | 'max_output_tokens' = 'max_tokens') =>
  (value: unknown, context: z.core.$RefinementCtx): unknown => {
    if (!isObject(value) || Array.isArray(value)) return value;
    const body = withoutNulls(value as Body);
    const refuse = (field: string, ours: string) =>
      context.issues.push({
        code: 'custom',
        message: `must be left out where ${ours} is given`,
        path: [field],
        input: body[field],
      });
    for (const [field, name] of Object.entries(renamed)) {
      if (!Object.hasOwn(body, field)) continue;
      const ours = name === 'max_tokens' ? lengthField : name;
      const { [field]: given } = body;
      // llama.cpp's and Ollama's words for "no limit".
      const isOpen = name === 'max_tokens' && (given === -1 || given === -2);
      if (!isOpen && Object.hasOwn(body, ours) && body[ours] !== given) refuse(field, ours);
      if (!isOpen) body[ours] = given;
      else if (body.max_tokens_overflow !== 'error') body[ours] ??= noLimit;
      delete body[field];
    }
    for (const [field, key] of Object.entries(constraints)) {
      if (!Object.hasOwn(body, field)) continue;
      const { [field]: given, structured_outputs: own } = body;
      if (isEmpty(given)) delete body[field];
      else if (isObject(own) && Object.hasOwn(own as object, key)) refuse(field, `structured_outputs.${key}`);
      else if (own === undefined || isObject(own)) {
        body.structured_outputs = { ...(own as object | undefined), [key]: given };
        delete body[field];
      }
    }
    for (const field of lengths) {
      const { [field]: given } = body;
      if (typeof given === 'string' && /^\d{1,15}$/.test(given)) body[field] = Number(given);
    }
    return body;
  };

const withoutNulls = (body: Body): Body =>
  Object.fromEntries(Object.entries(body).filter(([, value]) => !isMissing(value)));

/** Describes a count that may also be a string of its digits, for a field's `meta`. */
export const digitsOr = (least: number) => ({
  anyOf: [
    { type: 'integer', minimum: least, maximum: Number.MAX_SAFE_INTEGER },
    { type: 'string', pattern: least > 0 ? '^(?=.*[1-9])[0-9]{1,15}$' : '^[0-9]{1,15}$' },
    { type: 'null' },
  ],
});

/** Those whose messages may lack their content. */
export const answerRoles: readonly string[] = ['assistant', 'tool', 'function'];

/** Calls of a message; longer lists are refused unread. */
export const mostCalls = 64;

/** A message of a chat as histories have it: calls without a type, arguments as objects, parts of other kinds of text. */
export function messageAsSent(value: unknown): unknown {
  if (!isObject(value) || Array.isArray(value)) return value;
  const message = withoutNulls(value as Body);
  const { content, tool_calls: calls, refusal } = message;
  const isAnswer = answerRoles.includes(String(message.role));
  if (Array.isArray(calls)) {
    if (calls.length === 0) delete message.tool_calls;
    else if (calls.length <= mostCalls) message.tool_calls = calls.map(callAsSent);
  }
  if (Array.isArray(content)) message.content = contentAsSent(content);
  // `null` is what clients write where there is nothing to say; a missing content of a user is a mistake.
  else if (content === undefined && (isAnswer || Object.hasOwn(value as Body, 'content'))) {
    message.content = typeof refusal === 'string' ? refusal : '';
  }
  return message;
}

function callAsSent(value: unknown): unknown {
  if (!isObject(value)) return value;
  const { function: called, ...call } = withoutNulls(value as Body);
  if (!isObject(called)) return { type: 'function', id: '', ...call, function: called };
  const { arguments: args = '', ...rest } = withoutNulls(called as Body);
  const written = isObject(args) ? JSON.stringify(args) : args === '' ? '{}' : args;
  return { type: 'function', id: '', ...call, function: { ...rest, arguments: written } };
}

const textTypes = new Set(['text', 'input_text', 'output_text']);

/** Parts as texts: those of the thinking are no part of what was said. Reads up to the first part of another kind. */
function contentAsSent(parts: readonly unknown[]): unknown {
  const texts: unknown[] = [];
  for (const part of parts) {
    const text = partAsSent(part);
    texts.push(text === undefined ? { type: 'text', text: '' } : text);
    // At its place, for the schema to refuse.
    if (text !== undefined && text === part && !isTextPart(part)) return texts;
  }
  const said = texts.filter((_, i) => partAsSent(parts[i]) !== undefined);
  return said.length === 0 ? '' : said;
}

const isTextPart = (part: unknown) =>
  isObject(part) && (part as Body).type === 'text' && typeof (part as Body).text === 'string';

/** @returns undefined for a part that says nothing; what is no text as it is, null among it */
function partAsSent(part: unknown): unknown {
  if (typeof part === 'string') return { type: 'text', text: part };
  if (!isObject(part)) return part;
  const { type, text, refusal } = part as Body;
  if (type === 'refusal' && typeof refusal === 'string') return { type: 'text', text: refusal };
  if (type === 'thinking' || type === 'redacted_thinking' || type === 'reasoning') return undefined;
  if (typeof type !== 'string' || !textTypes.has(type)) return part;
  if (isMissing(text)) return undefined;
  return type === 'text' ? part : { ...part, type: 'text' };
}

/** The content of a message among the items of a response: nothing is an empty text. */
export const itemContentAsSent = (content: unknown): unknown =>
  content === null || (Array.isArray(content) && content.length === 0) ? '' : content;

/** A part of it: a refusal is what was said. */
export function itemPartAsSent(part: unknown): unknown {
  if (!isObject(part)) return part;
  const { type, refusal } = part as Body;
  return type === 'refusal' && typeof refusal === 'string' ? { type: 'output_text', text: refusal } : part;
}
