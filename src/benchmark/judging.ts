/** Has answers judged by an external judge, every score that it has not given yet. */
import { keyOf } from './concepts.js';
import type { JudgeClient } from './judge-client.js';
import { judgeQuestion, targetOf } from './judge-prompts.js';
import { type Cells, NumberSet } from './plan.js';
import { type AnswerRecord, type JudgementRecord, judgeScores, type Run } from './records.js';

export class Judging {
  readonly #judged: NumberSet;
  readonly #concepts: ReadonlyMap<string, Run['concepts'][number]>;
  readonly #scores: readonly (typeof judgeScores)[number][];
  /** Names this judge in records. */
  readonly judge: string;

  constructor(
    run: Run,
    private readonly cells: Cells,
    private readonly client: JudgeClient,
  ) {
    this.#judged = new NumberSet(cells.total * judgeScores.length);
    this.#concepts = new Map(run.concepts.map((concept) => [keyOf(concept), concept]));
    this.#scores = run.options.judge?.scores ?? [];
    this.judge = run.options.judge?.model ?? '';
  }

  note({ cell, judge, score_name: name }: JudgementRecord): void {
    if (judge === this.judge) this.#judged.add(placeOf(cell, name));
  }

  isJudged = (cell: number): boolean => this.#missing(cell).length === 0;

  #missing = (cell: number) => this.#scores.filter((name) => !this.#judged.has(placeOf(cell, name)));

  /** What is missing of one answer. @throws SteerdError judge_failed */
  async judgementsOf(record: AnswerRecord, signal: AbortSignal): Promise<JudgementRecord[]> {
    const { cell, concept: name, class: group, way, variant, point, prompt, seed, answer } = record;
    const concept = this.#concepts.get(keyOf({ class: group, name }));
    if (concept === undefined) return [];
    const filling = {
      target: targetOf(concept),
      prompt: this.cells.prompts(concept)[prompt] ?? '',
      answer,
    };
    return Promise.all(
      this.#missing(cell).map(async (score_name): Promise<JudgementRecord> => {
        const about = { cell, concept: name, class: group, way, variant, point, prompt, seed };
        const kept = { kind: 'judgement', ...about, judge: this.judge, score_name } as const;
        // Nothing shows nothing: no judge need be paid for that.
        if (answer.trim() === '') return { ...kept, score: 0, reason: 'an empty answer', ...unasked };
        return {
          ...kept,
          ...(await this.client.ask(score_name, judgeQuestion(score_name, filling), signal)),
        };
      }),
    );
  }
}

const placeOf = (cell: number, name: (typeof judgeScores)[number]) =>
  cell * judgeScores.length + judgeScores.indexOf(name);

const unasked = {
  malformed: 0,
  retries: 0,
  prompt_tokens: 0,
  completion_tokens: 0,
  cached: false,
  seconds: 0,
} as const;
