/**
 * The order in which the texts of a pairs request are read, one after another in one cache row: sorted, so that what
 * begins alike comes together, and each text names what is known from the one before it. Answers of neighbouring
 * strengths often begin alike, and prompts have their template and system message in common.
 */
import { commonLength } from '../../common/common-length.js';
import type { ActivationEdit, PairsRequest } from '../protocol.js';

/** A prompt and an answer, which are one text: the request's own arrays, joined when the text is read. */
export interface PairText {
  readonly prompt: readonly number[];
  readonly answer: readonly number[];
  readonly edit: ActivationEdit;
  /** Where the answer's numbers begin in the result, which has the answers in the order of the pairs. */
  readonly at: number;
  /** Of the answer's numbers the first `known` are those that the text before has from `knownAt` on in the result. */
  readonly known: number;
  readonly knownAt: number;
}

const noEdit: ActivationEdit = [];

/** The texts to read, in order, and how many numbers they have together. */
export function inReadingOrder({ prompts, answers, pairs, edits }: PairsRequest): {
  readonly texts: readonly PairText[];
  readonly total: number;
} {
  const editOf = (prompt: number) => edits?.[prompt] ?? noEdit;
  // Keys and values are those of one edit: texts without any come first, then those of each edit together.
  const editNumbers = new Map<ActivationEdit, number>();
  for (const edit of edits ?? [])
    if (edit.length > 0 && !editNumbers.has(edit)) editNumbers.set(edit, editNumbers.size + 1);
  const editNumber = (prompt: number) => editNumbers.get(editOf(prompt)) ?? 0;
  const promptRanks = ranks(prompts, (a, b, i, j) => editNumber(i) - editNumber(j) || compareTokens(a, b));
  const answerRanks = ranks(answers, compareTokens);

  let total = 0;
  const placed = pairs.map(([prompt, answer]) => {
    const at = total;
    total += answers[answer]?.length ?? 0;
    return { prompt, answer, at, rank: promptRanks[prompt] ?? 0 };
  });
  placed.sort((a, b) => a.rank - b.rank || (answerRanks[a.answer] ?? 0) - (answerRanks[b.answer] ?? 0));
  const texts = placed.map(({ prompt, answer, at, rank }, index): PairText => {
    const before = placed[index - 1];
    const answerTokens = answers[answer] ?? [];
    return {
      prompt: prompts[prompt] ?? [],
      answer: answerTokens,
      edit: editOf(prompt),
      at,
      known: before?.rank === rank ? commonLength(answers[before.answer] ?? [], answerTokens) : 0,
      knownAt: before?.at ?? 0,
    };
  });
  return { texts, total };
}

/** As words in a dictionary. */
function compareTokens(a: readonly number[], b: readonly number[]): number {
  const common = commonLength(a, b);
  return (a[common] ?? -1) - (b[common] ?? -1);
}

/** Of each item its place in the order; equal items have the same. */
function ranks<T>(items: readonly T[], compare: (a: T, b: T, i: number, j: number) => number): number[] {
  const order = items.map((item, index) => ({ item, index }));
  order.sort((a, b) => compare(a.item, b.item, a.index, b.index));
  const result = new Array<number>(items.length).fill(0);
  order.forEach(({ item, index }, place) => {
    const before = order[place - 1];
    const equal = before !== undefined && compare(before.item, item, before.index, index) === 0;
    result[index] = equal ? (result[before.index] as number) : place;
  });
  return result;
}
