/** Prompts that are cut to a number of tokens, as `truncate_prompt_tokens` and `truncation_side` ask. */

export interface Truncation {
  /** Tokens that are kept; -1 for as many as there is room for. */
  readonly tokens: number;
  /** Where what is over is taken off. */
  readonly side: 'left' | 'right';
}

/** Undefined where nothing is asked for. */
export function askedTruncation({
  truncate_prompt_tokens: tokens,
  truncation_side: side,
}: {
  readonly truncate_prompt_tokens?: number | null | undefined;
  readonly truncation_side?: Truncation['side'] | null | undefined;
}): Truncation | undefined {
  return typeof tokens === 'number' ? { tokens, side: side ?? 'left' } : undefined;
}

/** @param room most tokens that a prompt may have */
export function truncated(
  prompt: readonly number[],
  asked: Truncation | undefined,
  room: number,
): readonly number[] {
  if (asked === undefined) return prompt;
  const kept = asked.tokens < 0 ? room : asked.tokens;
  return asked.side === 'right' ? prompt.slice(0, kept) : prompt.slice(Math.max(0, prompt.length - kept));
}
