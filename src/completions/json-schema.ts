/**
 * JSON schemas as constraints. What the grammar cannot hold an answer to is refused: an answer that is not what the
 * schema says must never pass for one that is.
 */
import { errors } from '../errors.js';
import { SchemaRefusal } from '../json-grammar/refusal.js';
import { schemaGrammar } from '../json-grammar/schema-grammar.js';

/** @returns a grammar whose texts all validate; @throws SteerdError constraint_refused naming the place */
export function schemaConstraint(schema: unknown, field: string): string {
  try {
    return schemaGrammar(schema);
  } catch (error) {
    throw error instanceof SchemaRefusal ? errors.constraintRefused(field, error.message) : error;
  }
}
