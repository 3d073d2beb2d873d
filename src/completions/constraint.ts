/**
 * Response formats and structured outputs as one constraint for the engine. A JSON schema becomes a grammar; keywords that
 * the grammar cannot enforce are refused, so that no answer passes for one that validates and does not.
 */
import type { ConstraintSource } from '../engine/protocol.js';
import { errors } from '../errors.js';
import { isDeeperThan, mostJsonDepth } from '../http/json-depth.js';
import { modernSchema } from '../json-grammar/dialects.js';
import { safeGrammar } from '../json-grammar/own-grammar.js';
import { PatternError } from '../json-grammar/pattern.js';
import { regexGrammar } from '../json-grammar/pattern-expression.js';
import { SchemaRefusal } from '../json-grammar/refusal.js';
import { checkSize, schemaGrammar } from '../json-grammar/schema-grammar.js';
import type { FormatOptions } from '../schemas/constraints.js';
import { matches, validates } from './answer-check.js';

export interface Constraint {
  readonly source: ConstraintSource;
  /** The request's field that asks for it, for errors. */
  readonly field: string;
  /** Whether a finished answer is what was asked for: the grammar sees to it, and this is the judge of the grammar. */
  readonly fits?: (text: string) => boolean;
}

/**
 * `response_format` and `structured_outputs` of chat and text completions.
 * @throws SteerdError constraint_refused; invalid_value for more than one constraint
 */
export function formatConstraint({ response_format, structured_outputs }: FormatOptions): Constraint | null {
  const structured = structuredConstraint(structured_outputs);
  if (response_format === null || response_format === undefined || response_format.type === 'text')
    return structured;
  if (structured !== null) {
    throw errors.invalidRequest(
      'structured_outputs must be left out with response_format.',
      'structured_outputs',
    );
  }
  const { schema } = response_format;
  if (response_format.type === 'json_object') {
    return schema ? jsonSchema(schema, 'response_format.schema') : jsonObject('response_format');
  }
  const { json_schema } = response_format;
  return json_schema || !schema
    ? jsonSchema(json_schema?.schema, 'response_format.json_schema.schema')
    : jsonSchema(schema, 'response_format.schema');
}

/** Any JSON object. */
export const jsonObject = (field: string): Constraint =>
  validJson({ type: 'object', additionalProperties: true }, field);

/** JSON that validates; an object without a schema. */
export const jsonSchema = (schema: unknown, field: string): Constraint =>
  validJson(schema ?? { type: 'object' }, field);

function validJson(given: unknown, field: string): Constraint {
  const { schema, grammar } = strictSchema(given, field);
  return {
    ...format({ kind: 'grammar', source: grammar }, field),
    fits: (text) => validates(schema, text),
  };
}

const format = (source: ConstraintSource, field: string): Constraint => ({ source, field });

function structuredConstraint(asked: FormatOptions['structured_outputs']): Constraint | null {
  if (asked === null || asked === undefined) return null;
  const given = Object.entries(asked).filter(
    ([, value]) => value !== null && value !== undefined && value !== false,
  );
  if (given.length === 0) return null;
  if (given.length > 1) {
    throw errors.invalidRequest(
      `structured_outputs must have one of json, json_object, regex, choice, grammar; received ${given.map(([key]) => key).join(', ')}.`,
      'structured_outputs',
    );
  }
  const { json, json_object, regex, choice, grammar } = asked;
  const [[key] = ['']] = given;
  const field = `structured_outputs.${key}`;
  if (json_object) return jsonObject(field);
  if (grammar)
    return format({ kind: 'grammar', source: ownGrammar(() => safeGrammar(grammar), field) }, field);
  if (regex) {
    const source = ownGrammar(() => regexGrammar(regex), field);
    return { ...format({ kind: 'grammar', source }, field), fits: (text) => matches(regex, text) };
  }
  if (choice) {
    const elements = choice.map((value) => ({ type: 'const_string', value }));
    return format(structuralTag({ type: 'or', elements }), field);
  }
  return validJson(typeof json === 'string' ? parsed(json, field) : json, field);
}

function parsed(json: string, field: string): unknown {
  if (isDeeperThan(json, mostJsonDepth))
    throw errors.constraintRefused(field, `it is nested deeper than ${mostJsonDepth} levels`);
  try {
    return JSON.parse(json);
  } catch (error) {
    throw errors.constraintRefused(field, (error as Error).message);
  }
}

/** @throws SteerdError constraint_refused for what the grammar library cannot hold an answer to */
function ownGrammar(write: () => string, field: string): string {
  try {
    return write();
  } catch (error) {
    throw error instanceof PatternError
      ? errors.constraintRefused(field, `it ${error.message}, which no grammar can say`)
      : error;
  }
}

/** In xgrammar's structural-tag format. */
export const structuralTag = (format: object): ConstraintSource => ({
  kind: 'structural_tag',
  tag: JSON.stringify({ type: 'structural_tag', format }),
});

/**
 * A schema that is held to in all it says: in today's words, with its grammar. Older words say what a grammar holds; what is wrong
 * stays, and is refused.
 * @throws SteerdError constraint_refused
 */
export function strictSchema(
  given: unknown,
  field: string,
): { readonly schema: unknown; readonly grammar: string } {
  try {
    checkSize(given);
    const schema = modernSchema(given, true);
    return { schema, grammar: schemaGrammar(schema) };
  } catch (error) {
    throw error instanceof SchemaRefusal ? errors.constraintRefused(field, error.message) : error;
  }
}
