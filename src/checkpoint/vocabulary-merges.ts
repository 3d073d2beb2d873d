/**
 * The merges of a BPE that was trained by SentencePiece, whose files have a score for each piece and no merges: every way
 * to cut a piece into two others, the best piece first (transformers, `convert_slow_tokenizer.py`, `generate_merges`).
 */

/**
 * @param pieces the vocabulary in the order of its ids
 * @param scores of the pieces; more is better
 */
export function mergesOf(
  pieces: ReadonlyMap<string, number>,
  scores: (id: number) => number,
): [left: string, right: string][] {
  const merges: { left: string; right: string; score: number; leftId: number; rightId: number }[] = [];
  for (const [piece, id] of pieces) {
    const characters = [...piece];
    const here: typeof merges = [];
    let left = '';
    for (let cut = 1; cut < characters.length; cut++) {
      left += characters[cut - 1];
      const leftId = pieces.get(left);
      if (leftId === undefined) continue;
      const right = piece.slice(left.length);
      const rightId = pieces.get(right);
      if (rightId !== undefined) here.push({ left, right, score: scores(id), leftId, rightId });
    }
    here.sort((a, b) => a.leftId - b.leftId || a.rightId - b.rightId);
    merges.push(...here);
  }
  const length = (text: string) => [...text].length;
  return merges
    .map((merge) => ({ ...merge, sizes: [length(merge.left), length(merge.right)] as const }))
    .sort((a, b) => b.score - a.score || b.sizes[0] - a.sizes[0] || b.sizes[1] - a.sizes[1])
    .map(({ left, right }) => [left, right]);
}
