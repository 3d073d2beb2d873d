/** Reads an answer as it comes: its reasoning, its text and its calls of tools, each in the order of the answer. */
import type { FinishReason } from '../engine/protocol.js';
import type { ToolCallDelta } from '../schemas/tools.js';
import type { CompletionPlan } from './plan.js';
import { ReasoningReader } from './reasoning-reader.js';
import { ToolCallReader } from './tool-call-reader.js';

export type AnswerPart =
  | { readonly kind: 'reasoning' | 'text'; readonly text: string }
  | { readonly kind: 'call'; readonly delta: ToolCallDelta };

export class AnswerReader {
  readonly #reasoning: ReasoningReader | null;
  readonly #calls: ToolCallReader | null;
  /** Tokens of the reasoning, its marks included. */
  reasoningTokens = 0;

  constructor({ reading: { reasoning, calls, format } }: CompletionPlan) {
    this.#reasoning = reasoning && new ReasoningReader(reasoning.marks, reasoning.begun);
    this.#calls = calls && new ToolCallReader(format, calls.tools);
  }

  /** Calls begun so far. */
  get calls(): number {
    return this.#calls?.calls ?? 0;
  }

  /** Whether the answer is its text as it stands. */
  get isPlain(): boolean {
    return this.#reasoning === null && this.#calls === null;
  }

  /**
   * @param tokens made for the text
   * @param finish of the answer, with its last text
   */
  read(text: string, tokens: number, finish: FinishReason | null): AnswerPart[] {
    const split = this.#reasoning?.read(text, finish) ?? { reasoning: '', text };
    if (this.#reasoning && (split.reasoning !== '' || this.#reasoning.inside)) this.reasoningTokens += tokens;
    const parts: AnswerPart[] = [];
    if (split.reasoning !== '') parts.push({ kind: 'reasoning', text: split.reasoning });
    if (this.#calls === null) {
      if (split.text !== '') parts.push({ kind: 'text', text: split.text });
      return parts;
    }
    for (const part of this.#calls.read(split.text, finish))
      parts.push(typeof part === 'string' ? { kind: 'text', text: part } : { kind: 'call', delta: part });
    return parts;
  }
}
