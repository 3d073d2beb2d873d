/**
 * One concept of a run: its plain and told answers, then variant by variant a fit and its steered answers. What an earlier
 * process finished is left as it is.
 */
import type { ConceptObject } from '../schemas/concepts.js';
import type { Judgement } from '../schemas/judge.js';
import { answerTo, type GivenAnswer } from './answers.js';
import { type BenchApi, post, refusedWith } from './client.js';
import { keyOf } from './concepts.js';
import { fitVariant } from './fit-variant.js';
import type { PlainAnswers } from './plain-answers.js';
import { type Cells, type Finished, isFixed } from './plan.js';
import { readRecords } from './record-file.js';
import type { AnswerRecord, BenchConcept, BenchRecord, FitRecord, Point, Run, Variant } from './records.js';
import { judgedOf, type PlainAndTold, scoresOfAnswer } from './scores.js';
import type { Slots } from './slots.js';

/** Where a run asks, and how much of it at once. */
export interface AskedPlace {
  readonly api: BenchApi;
  /** Of answers, for all concepts together. */
  readonly slots: Slots;
}

interface ConceptRunSettings {
  /** The first is this concept's; another may have what an earlier process fitted. */
  readonly places: readonly AskedPlace[];
  readonly folder: string;
  readonly run: Run;
  readonly cells: Cells;
  readonly finished: Finished;
  readonly plain: PlainAnswers;
  readonly append: (records: readonly BenchRecord[]) => Promise<void>;
  /** Of the concept. */
  readonly index: number;
  readonly signal: AbortSignal;
  readonly keep: boolean;
  readonly onAnswers: (records: readonly AnswerRecord[]) => Promise<void>;
  readonly onStage: (what: string) => void;
}

/** One cell that is to be done. */
interface Cell {
  readonly cell: number;
  readonly prompt: number;
  readonly seed: number;
  readonly way: AnswerRecord['way'];
  readonly point: Point | null;
}

/** Answers that are read together: enough to share the reading of their prompts, few enough to be lost by a kill. */
const readTogether = 64;

export class ConceptRun {
  readonly #own: AskedPlace;
  readonly #concept: BenchConcept;
  readonly #prompts: readonly string[];
  /** Its answers and its confusers are read by these messages. */
  readonly #confusers: readonly Pick<BenchConcept, 'name' | 'class' | 'prefix'>[];

  constructor(private readonly settings: ConceptRunSettings) {
    const { run, cells, index, places } = settings;
    this.#own = places[0] as AskedPlace;
    this.#concept = run.concepts[index] as BenchConcept;
    this.#prompts = cells.prompts(this.#concept);
    const named = new Set(run.texts.confusers.map(({ concept, class: group }) => `${group}/${concept}`));
    const others = run.concepts.filter((one) => one !== this.#concept && named.has(keyOf(one)));
    this.#confusers = others.length === 0 ? [] : [this.#concept, ...others];
  }

  /** @throws what the service throws; the signal's reason */
  async finish(): Promise<void> {
    const { run, cells, index, finished } = this.settings;
    const variants = run.variants.map((variant, at) => ({
      variant,
      at,
      todo: run.points.flatMap((point, p) => this.#todo(cells.steered(index, at, p), 'steered', point)),
    }));
    const open = variants.filter(
      ({ at, todo }) =>
        !this.#has(finished.impossible, at) && (todo.length > 0 || !this.#has(finished.fits, at)),
    );
    const references = [
      ...this.#todo(cells.plain(index), 'plain', null),
      ...this.#todo(cells.told(index), 'told', null),
    ];
    if (open.length === 0 && references.length === 0) return;
    const reference = await this.#references(references);
    for (const { variant, at, todo } of open) {
      this.settings.signal.throwIfAborted();
      await this.#variant(variant, at, todo, reference);
    }
  }

  #has = (set: Finished['fits'], variant: number) =>
    set.has(this.settings.index * this.settings.run.variants.length + variant);

  #todo(numbers: readonly number[], way: Cell['way'], point: Point | null): Cell[] {
    const { cells, finished } = this.settings;
    return numbers.flatMap((cell, place) =>
      finished.cells.has(cell) ? [] : [{ cell, way, point, ...cells.askedAt(place) }],
    );
  }

  /** Plain and told answers, the missing ones made. Only those are scored by which scores are shares of. */
  async #references(todo: readonly Cell[]): Promise<PlainAndTold> {
    const { run, cells, folder, index } = this.settings;
    const own = (record: BenchRecord): record is AnswerRecord =>
      record.kind === 'answer' &&
      record.way !== 'steered' &&
      record.concept === this.#concept.name &&
      record.class === this.#concept.class;
    const known: AnswerRecord[] = [];
    const all = cells.plain(index).length * 2;
    // An earlier process made some of them.
    if (todo.length < all)
      for await (const record of readRecords(folder)) if (own(record)) known.push(record);
    if (todo.length > 0) {
      const given = await this.#answers(this.#own, todo, undefined);
      const read = await this.#read(this.#own.api, todo, given);
      const of = (way: Cell['way']) => [
        ...known.filter((record) => record.way === way).map(({ reading }) => judgedOf(reading)),
        ...todo.flatMap((cell, i) =>
          cell.way === way ? [judgedOf(read[i] as AnswerRecord['reading'])] : [],
        ),
      ];
      const reference = { plain: of('plain'), told: of('told') };
      await this.#keep(todo, given, read, null, reference);
      return reference;
    }
    const of = (way: Cell['way']) =>
      known.filter((record) => record.way === way).map(({ reading }) => judgedOf(reading));
    if (known.length < all) throw new Error(`records of ${run.concepts.length} concepts lack references`);
    return { plain: of('plain'), told: of('told') };
  }

  async #variant(
    variant: Variant,
    at: number,
    todo: readonly Cell[],
    reference: PlainAndTold,
  ): Promise<void> {
    const { run, index, finished, append, onStage } = this.settings;
    // The same in every process that goes on with this run: a concept that a killed one left is found again.
    const name = `bench-${run.plan.slice(0, 10)}-${index}-${at}`;
    onStage(`${keyOf(this.#concept)}: fit ${variant.id}`);
    const recorded = this.#has(finished.fits, at);
    const there = recorded ? await this.#whereFitted(name) : undefined;
    const place = there ?? this.#own;
    const { api } = place;
    if (there === undefined) {
      const record = await this.#fit(variant, name);
      // Made again for the answers that a kill left out: the record is there, and the same fit gives the same vectors.
      if (!recorded) await append([record]);
      if (record.error !== null) return;
    }
    try {
      for (let from = 0; from < todo.length; from += readTogether) {
        const cells = todo.slice(from, from + readTogether);
        onStage(`${keyOf(this.#concept)}: answer ${variant.id}`);
        const given = await this.#answers(place, cells, name);
        onStage(`${keyOf(this.#concept)}: read ${variant.id}`);
        await this.#keep(cells, given, await this.#read(api, cells, given), variant.id, reference);
      }
    } finally {
      // What an interrupted run has fitted it finds again.
      if (!this.settings.keep && !this.settings.signal.aborted) await this.#forget(api, name);
    }
  }

  #fit(variant: Variant, name: string): Promise<FitRecord> {
    const { run, signal } = this.settings;
    return fitVariant(this.#own.api, { concept: this.#concept, variant, name, run }, signal);
  }

  /** Which of the places has it; undefined for none. */
  async #whereFitted(name: string): Promise<AskedPlace | undefined> {
    const { places, signal } = this.settings;
    for (const place of places) {
      try {
        await place.api.json<ConceptObject>(place.api.concepts(`/${name}`), { signal });
        return place;
      } catch (error) {
        if (!refusedWith(error, 'concept_not_found')) throw error;
      }
    }
    return undefined;
  }

  /** Left behind when the service is gone: whoever goes on with the run finds it. */
  async #forget(api: BenchApi, name: string): Promise<void> {
    const signal = AbortSignal.timeout(10_000);
    await api.json(api.concepts(`/${name}`), { method: 'DELETE', signal }).catch(() => {});
  }

  #answers(
    { api, slots }: AskedPlace,
    cells: readonly Cell[],
    concept: string | undefined,
  ): Promise<GivenAnswer[]> {
    const { run, plain, signal } = this.settings;
    const write = ({ prompt, seed, way, point }: Cell) =>
      slots.run(() => {
        signal.throwIfAborted();
        const asked = {
          prompt: this.#prompts[prompt] as string,
          seed,
          message: way === 'told' ? this.#concept.prefix : undefined,
          steering: concept === undefined || point === null ? undefined : { concept, point },
        };
        return answerTo(api, asked, run.options, signal);
      });
    const works = cells.map((cell) =>
      cell.way === 'plain' ? plain.answer(this.#concept, cell, () => write(cell)) : write(cell),
    );
    // All end before the first failure is told: nothing is left running.
    return Promise.allSettled(works).then((settled) =>
      settled.map((one) => {
        if (one.status === 'rejected') throw one.reason;
        return one.value;
      }),
    );
  }

  /** The built-in judge's reading of each. */
  async #read(
    api: BenchApi,
    cells: readonly Cell[],
    given: readonly GivenAnswer[],
  ): Promise<AnswerRecord['reading'][]> {
    const { run, signal } = this.settings;
    const others = run.texts.decoys[keyOf(this.#concept)] ?? [];
    // What is held against all confusers is read more often: only what a matrix shows.
    const compared = ({ way, point }: Cell) => way === 'told' || (point !== null && isFixed(point));
    const among = this.#confusers.map(({ prefix }) => prefix);
    const { data } = await post<Judgement>(
      api,
      '/v1/steering/judge',
      {
        questions: this.#prompts,
        prefix: this.#concept.prefix,
        ...(others.length > 0 && { others }),
        ...(among.length > 1 && { among }),
        answers: cells.map((cell, i) => ({
          question: cell.prompt,
          answer: (given[i] as GivenAnswer).answer,
          sampled: run.options.temperature > 0,
          // The other concepts of its class have the same one.
          unsteered: cell.way === 'plain',
          compared: compared(cell),
        })),
      },
      signal,
    );
    return cells.map((_, i) => {
      const { question, tokens, explained_by: by, ...reading } = data[i] as Judgement['data'][number];
      const confuser = by === null ? undefined : this.#confusers[by];
      const explained = confuser && { concept: confuser.name, class: confuser.class };
      return { ...reading, explained_by: explained ?? null };
    });
  }

  async #keep(
    cells: readonly Cell[],
    given: readonly GivenAnswer[],
    read: readonly AnswerRecord['reading'][],
    variant: string | null,
    reference: PlainAndTold,
  ): Promise<void> {
    const { name, class: group } = this.#concept;
    const records = cells.map(({ cell, way, point, prompt, seed }, i): AnswerRecord => {
      const reading = read[i] as AnswerRecord['reading'];
      return {
        kind: 'answer',
        cell,
        concept: name,
        class: group,
        way,
        variant,
        point,
        prompt,
        seed,
        ...(given[i] as GivenAnswer),
        reading,
        ...scoresOfAnswer(reading, reference),
      };
    });
    await this.settings.append(records);
    await this.settings.onAnswers(records);
  }
}
