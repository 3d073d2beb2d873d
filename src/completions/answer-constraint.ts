/**
 * What an answer is held to, once it is known how its model writes: a format, calls of tools, or either of the two, with
 * reasoning before it where the model reasons.
 */
import type { ConstraintSource } from '../engine/protocol.js';
import { errors, SteerdError } from '../errors.js';
import type { LoadedModel } from '../models/model.js';
import type { AnswerReading } from './answer-reading.js';
import { type Constraint, structuralTag } from './constraint.js';
import { type AskedCalls, callsGrammar, freeWithCalls, loosestCalls } from './tools.js';

const formatOf = (source: ConstraintSource): object =>
  source.kind === 'grammar'
    ? { type: 'grammar', grammar: source.source }
    : (JSON.parse(source.tag) as { format: object }).format;

const grammar = (source: string): ConstraintSource => ({ kind: 'grammar', source });
const space = { type: 'grammar', grammar: 'root ::= "\\n"? "\\n"?' };

/** Null for an answer that is free. */
export function answerConstraint(format: Constraint | null, reading: AnswerReading): Constraint | null {
  const { calls } = reading;
  if (calls === null) return format && { ...format, source: afterReasoning(format.source, reading) };
  const field = 'tools';
  if (calls.required) {
    return { field, source: afterReasoning(grammar(callsGrammar(calls, reading.format)), reading) };
  }
  if (format === null) {
    const tags = freeWithCalls(calls, reading.format);
    if (tags === null) return null;
    const free = structuralTag(tags);
    // Before the calls anything may come, reasoning too; only in what the prompt began no call may begin.
    return { field, source: reading.reasoning?.begun ? afterReasoning(free, reading) : free };
  }
  const either = structuralTag({
    type: 'or',
    elements: [formatOf(format.source), formatOf(grammar(callsGrammar(calls, reading.format)))],
  });
  return { field: format.field, source: afterReasoning(either, reading) };
}

function afterReasoning(source: ConstraintSource, { reasoning }: AnswerReading): ConstraintSource {
  if (reasoning === null) return source;
  const { marks, begun } = reasoning;
  const format = formatOf(source);
  const reasoned = {
    type: 'sequence',
    elements: [
      { type: 'tag', begin: begun ? '' : marks.open, content: { type: 'any_text' }, end: marks.close },
      space,
      format,
    ],
  };
  return structuralTag(begun ? reasoned : { type: 'or', elements: [reasoned, format] });
}

/**
 * The same for this model's grammars. Where calls cannot be held to their schemas because that takes too long, tools
 * that are not strict are held to no more than an object, or to nothing where they need not be called.
 * @param signal of a request that no longer waits
 * @throws SteerdError constraint_refused, queue_full; the signal's reason
 */
export async function checkedConstraint(
  { engine }: LoadedModel,
  format: Constraint | null,
  reading: AnswerReading,
  signal?: AbortSignal,
): Promise<{ readonly constraint: Constraint | null; readonly calls: AskedCalls | null }> {
  const { calls } = reading;
  const constraint = answerConstraint(format, reading);
  const check = engine.checkConstraint?.bind(engine);
  if (constraint === null || calls === null || check === undefined) return { constraint, calls };
  const looser = loosestCalls(calls);
  const loosest = answerConstraint(format, { ...reading, calls: looser });
  const tries = [
    { calls, constraint },
    // Names of tools and any object: nothing that could take long, unless a format is beside it.
    {
      calls: looser,
      constraint:
        loosest && format === null ? { ...loosest, source: { ...loosest.source, small: true } } : loosest,
    },
    ...(calls.required || format !== null ? [] : [{ calls: looser, constraint: null }]),
  ];
  let refusal: unknown = null;
  for (const one of tries) {
    try {
      if (one.constraint !== null) await check(one.constraint.source, one.constraint.field, signal);
      return one;
    } catch (error) {
      if (!(error instanceof SteerdError) || error.code !== 'constraint_refused') throw error;
      refusal ??= error;
      if (calls.tools.some(({ strict }) => strict)) break;
    }
  }
  throw refusal ?? errors.constraintRefused('tools', 'they cannot be held to');
}
