/** What a request says of its answer's form, as one constraint for the engine. */
import type { ConstraintSource } from '../engine/protocol.js';
import { errors } from '../errors.js';
import type { FormatOptions } from '../schemas/constraints.js';
import { schemaConstraint } from './json-schema.js';

export interface Constraint {
  readonly constraint: ConstraintSource;
  /** The request's field that asks for it. */
  readonly constraintField: string;
}

const anyObject = { type: 'object', additionalProperties: true };

/** @throws SteerdError constraint_refused; invalid_value for more than one constraint */
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
  if (response_format.type === 'json_object') {
    return schemaGrammarFor(anyObject, 'response_format');
  }
  const field = 'response_format.json_schema.schema';
  return schemaGrammarFor(response_format.json_schema.schema ?? { type: 'object' }, field);
}

const schemaGrammarFor = (schema: unknown, constraintField: string): Constraint => ({
  constraint: { kind: 'grammar', source: schemaConstraint(schema, constraintField) },
  constraintField,
});

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
  const constraintField = `structured_outputs.${key}`;
  const as = (constraint: ConstraintSource): Constraint => ({ constraint, constraintField });
  if (grammar) return as({ kind: 'grammar', source: grammar });
  if (regex) return as({ kind: 'structural_tag', tag: structuralTag({ type: 'regex', pattern: regex }) });
  if (choice) {
    const elements = choice.map((value) => ({ type: 'const_string', value }));
    return as({ kind: 'structural_tag', tag: structuralTag({ type: 'or', elements }) });
  }
  const schema = typeof json === 'string' ? parsed(json, constraintField) : json;
  return schemaGrammarFor(schema, constraintField);
}

function parsed(json: string, field: string): unknown {
  try {
    return JSON.parse(json);
  } catch (error) {
    throw errors.constraintRefused(field, (error as Error).message);
  }
}

/** As xgrammar reads it. */
export const structuralTag = (format: object): string => JSON.stringify({ type: 'structural_tag', format });
