/** How an answer is to be read, which its model decides: the marks of its reasoning and the form of its calls. */
import type { LoadedModel } from '../models/model.js';
import type { ReasoningMarks } from '../text/answer-marks.js';
import type { NeutralRequest } from './neutral-request.js';
import { type ToolFormat, toolFormat } from './tool-formats.js';
import type { AskedCalls } from './tools.js';

export interface AnswerReading {
  /** Null where reasoning is not told apart: `begun` when the prompt has the opening mark. */
  readonly reasoning: { readonly marks: ReasoningMarks; readonly begun: boolean } | null;
  readonly calls: AskedCalls | null;
  readonly format: ToolFormat;
}

/** @param prompt token ids, whose end says whether the model is to reason */
export function answerReading(
  { answer, reply, prompt: asked }: NeutralRequest,
  model: LoadedModel,
  prompt: readonly number[],
): AnswerReading {
  const { chatTemplate } = model;
  const format = toolFormat[chatTemplate?.toolFormat ?? 'hermes'];
  const marks = chatTemplate?.reasoning ?? null;
  const apart = asked.kind === 'chat' && asked.ends === 'generation-prompt' && reply.reasoning !== 'inline';
  if (marks === null || !apart) return { reasoning: null, calls: answer.calls, format };
  const end = model.tokenizer.decode(prompt.slice(-longestMark), { skipSpecialTokens: false }).trimEnd();
  // A template that closes the reasoning before it began wants none.
  const reasoning = end.endsWith(marks.close) ? null : { marks, begun: end.endsWith(marks.open) };
  return { reasoning, calls: answer.calls, format };
}

/** Tokens that a mark and the white space after it have at most. */
const longestMark = 24;
