/**
 * Response formats and structured outputs as one constraint for the engine. A JSON schema becomes a grammar; keywords that
 * the grammar cannot enforce are refused, so that no answer passes for one that validates and does not.
 */
import type { ConstraintSource } from '../engine/protocol.js';
import { errors } from '../errors.js';
import { SchemaRefusal } from '../json-grammar/refusal.js';
import { schemaGrammar } from '../json-grammar/schema-grammar.js';
import type { FormatOptions } from '../schemas/constraints.js';

export interface Constraint {
  readonly source: ConstraintSource;
  /** The request's field that asks for it, for errors. */
  readonly field: string;
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
  return response_format.type === 'json_object'
    ? jsonObject('response_format')
    : jsonSchema(response_format.json_schema.schema, 'response_format.json_schema.schema');
}

/** Any JSON object. */
export const jsonObject = (field: string): Constraint =>
  validJson({ type: 'object', additionalProperties: true }, field);

/** JSON that validates; an object without a schema. */
export const jsonSchema = (schema: unknown, field: string): Constraint =>
  validJson(schema ?? { type: 'object' }, field);

const validJson = (schema: unknown, field: string) =>
  format({ kind: 'grammar', source: jsonGrammar(schema, field) }, field);

const format = (source: ConstraintSource, field: string): Constraint => ({ source, field });

function structuredConstraint(asked: FormatOptions['structured_outputs']): Constraint | null {
  if (asked === null || asked === undefined) return null;
  const given = Object.entries(asked).filter(([, value]) => value !== null && value !== undefined);
  if (given.length === 0) return null;
  if (given.length > 1) {
    throw errors.invalidRequest(
      `structured_outputs must have one of json, regex, choice, grammar; received ${given.map(([key]) => key).join(', ')}.`,
      'structured_outputs',
    );
  }
  const { json, regex, choice, grammar } = asked;
  const [[key] = ['']] = given;
  const field = `structured_outputs.${key}`;
  if (grammar) return format({ kind: 'grammar', source: grammar }, field);
  if (regex) return format(structuralTag({ type: 'regex', pattern: regex }), field);
  if (choice) {
    const elements = choice.map((value) => ({ type: 'const_string', value }));
    return format(structuralTag({ type: 'or', elements }), field);
  }
  return validJson(typeof json === 'string' ? parsed(json, field) : json, field);
}

function parsed(json: string, field: string): unknown {
  try {
    return JSON.parse(json);
  } catch (error) {
    throw errors.constraintRefused(field, (error as Error).message);
  }
}

/** In xgrammar's structural-tag format. */
export const structuralTag = (format: object): ConstraintSource => ({
  kind: 'structural_tag',
  tag: JSON.stringify({ type: 'structural_tag', format }),
});

/** @returns a grammar whose texts all validate; @throws SteerdError constraint_refused naming the place */
export function jsonGrammar(schema: unknown, field: string): string {
  try {
    return schemaGrammar(schema);
  } catch (error) {
    throw error instanceof SchemaRefusal ? errors.constraintRefused(field, error.message) : error;
  }
}
