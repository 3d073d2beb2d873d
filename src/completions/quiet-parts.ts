/** The parts of an answer in which steering is suspended, as marks that the engine can find. */

import { inByteAlphabet } from '../common/byte-alphabet.js';
import type { QuietSpans } from '../engine/protocol.js';
import type { SuspendedPart } from '../schemas/steering.js';
import type { AnswerReading } from './answer-reading.js';
import type { Constraint } from './constraint.js';
import { functionMark } from './named-call.js';

/** In the alphabet of the engine's vocabulary. */
const inBytes = (text: string) => inByteAlphabet(new TextEncoder().encode(text));

/**
 * @param format what a whole answer is held to
 * @returns null where nothing is suspended
 */
export function quietParts(
  suspend: readonly SuspendedPart[],
  format: Constraint | null,
  { calls, format: form, reasoning }: AnswerReading,
): QuietSpans | null {
  const inCalls = suspend.includes('tool_calls') && calls !== null;
  const inJson = suspend.includes('json') && format !== null && !calls?.required;
  // An answer that is nothing but a call or JSON is quiet as a whole, but for the reasoning before it.
  const whole = calls === null ? inJson : calls.required ? inCalls : inJson && inCalls;
  if (whole) {
    if (reasoning === null) return { fromStart: true, opens: [], closes: [] };
    const opens = [inBytes(reasoning.marks.close)];
    return reasoning.begun
      ? { fromStart: false, opens, closes: [] }
      : { fromStart: true, opens, closes: [inBytes(reasoning.marks.open)] };
  }
  if (inCalls) {
    const bare = form.before === '' ? ['{"name": "', '{"type": "function'] : [];
    if (form.name === 'pythonic') bare.push(...calls.tools.map(({ name }) => `[${name}(`));
    if (form.name === 'xml') bare.push(functionMark);
    return {
      fromStart: false,
      opens: [...form.openings, ...bare].map(inBytes),
      closes: form.closings.map(inBytes),
    };
  }
  // JSON or a call, and only JSON is quiet.
  return inJson ? { fromStart: false, opens: ['{', '['], closes: [] } : null;
}
