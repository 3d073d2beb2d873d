/**
 * The metrics that Prometheus reads at /metrics, under vLLM's names where it has the same one. Labels have few values:
 * routes instead of URLs, and concepts up to a limit, after which they are `other`.
 */
import { Counter, collectDefaultMetrics, Gauge, Histogram, Registry } from 'prom-client';

/** Concepts, and keys, that get a label of their own. */
const maximumLabels = 100;

/** What is counted of a key. */
export type KeyCount = 'answers' | 'prompt_tokens' | 'generation_tokens';

/** Whose answer of what. */
export interface KeyLabels {
  readonly key: string;
  readonly keyName: string;
  readonly model: string;
  readonly steered: boolean;
}

/** Of what is counted of answers. */
const answerLabels = ['model_name', 'steered'] as const;

/** Gauges that are collected this close together belong to one scrape. */
const sameScrapeMilliseconds = 2;

/** Numbers that take longer are left out of a scrape, which has ten seconds itself: a database may hang. */
const readMilliseconds = 3000;

const tooLate = () =>
  new Promise<null>((resolve) => {
    setTimeout(resolve, readMilliseconds, null).unref();
  });

const seconds = [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 120, 300];
const tokenSeconds = [0.0025, 0.005, 0.01, 0.02, 0.03, 0.05, 0.075, 0.1, 0.15, 0.25, 0.5, 1, 2.5];

/** The values of the gauges, read at each scrape. */
export interface Snapshot {
  readonly running: number;
  readonly waiting: number;
  /** Tokens in the KV cache over what it holds, 0 to 1. */
  readonly cacheUsage: number;
  readonly concepts: number;
  readonly answers: number;
  readonly ready: boolean;
  readonly modelsLoaded: number;
  /** Weights, and KV caches once they are full. */
  readonly modelBytes: number;
}

/** Jobs of a kind: this server's by status, and what waits in the whole fleet. */
export interface JobNumbers {
  readonly own: Readonly<Record<string, number>>;
  readonly waiting: number;
}

export class Metrics {
  readonly registry = new Registry();
  readonly #concepts = new Set<string>();
  readonly #keys = new Set<string>();
  readonly #registers = [this.registry];
  /** Tokens of running sequences, prompts included; kept up to date by observed-services.ts. */
  cachedTokens = 0;

  readonly queueTime = this.#histogram(
    'request_queue_time_seconds',
    'From arrival to the first prefill step',
    seconds,
    answerLabels,
  );
  readonly prefillTime = this.#histogram(
    'request_prefill_time_seconds',
    'From the first prefill step to the first token',
    seconds,
    answerLabels,
  );
  readonly firstToken = this.#histogram(
    'time_to_first_token_seconds',
    'From arrival to the first token',
    seconds,
    answerLabels,
  );
  readonly interToken = this.#histogram(
    'inter_token_latency_seconds',
    'Between two tokens of one answer',
    tokenSeconds,
    answerLabels,
  );
  readonly endToEnd = this.#histogram(
    'e2e_request_latency_seconds',
    'From arrival to the last token',
    seconds,
    answerLabels,
  );
  readonly promptTokens = this.#counter(
    'prompt_tokens_total',
    'Prompt tokens, those that were known before included',
    answerLabels,
  );
  readonly reusedTokens = this.#counter(
    'prompt_tokens_cached_total',
    'Prompt tokens that were not computed, since they had been before',
    answerLabels,
  );
  readonly generationTokens = this.#counter('generation_tokens_total', 'Tokens generated', answerLabels);
  readonly draftTokens = this.#counter(
    'spec_decode_num_draft_tokens_total',
    'Tokens that were guessed and computed together with the next one',
    answerLabels,
  );
  readonly acceptedTokens = this.#counter(
    'spec_decode_num_accepted_tokens_total',
    'Guessed tokens that were right',
    answerLabels,
  );
  readonly success = this.#counter('request_success_total', 'Answers that ended', [
    'finish_reason',
    ...answerLabels,
  ]);
  readonly aborted = this.#counter('request_aborted_total', 'Answers left before their end', [
    'reason',
    ...answerLabels,
  ]);
  readonly #byKey = {
    answers: this.#keyCounter('key_answers_total', 'Answers begun, by API key'),
    prompt_tokens: this.#keyCounter('key_prompt_tokens_total', 'Prompt tokens read, by API key'),
    generation_tokens: this.#keyCounter('key_generation_tokens_total', 'Tokens generated, by API key'),
  } as const;
  readonly steered = this.#counter('steered_requests_total', 'Answers steered by a concept', ['concept']);
  readonly modelLoad = this.#histogram('model_load_seconds', 'Time that loading a model took', seconds);
  readonly modelUnloads = this.#counter('model_unloads_total', 'Models unloaded', ['model', 'reason']);
  readonly fitStage = new Histogram({
    name: 'steerd_fit_stage_seconds',
    help: 'Time fits spent in a stage',
    labelNames: ['stage'],
    buckets: [0.1, 0.5, 1, 5, 10, 30, 60, 120, 300, 600, 1800],
    registers: this.#registers,
  });
  readonly jobsFinished = this.#counter('jobs_finished_total', 'Jobs that ended on this server', [
    'kind',
    'status',
  ]);
  readonly http = new Histogram({
    name: 'steerd_http_request_duration_seconds',
    help: 'From the request to the last byte of its reply',
    labelNames: ['method', 'route', 'status'],
    buckets: seconds,
    registers: this.#registers,
  });

  /** @param process also the process's own: memory, event loop, garbage collection */
  constructor({ process = false } = {}) {
    if (process) collectDefaultMetrics({ register: this.registry });
  }

  /** Adds the gauges, which are read at each scrape. */
  observe(read: () => Snapshot): void {
    // All gauges of one scrape are read at once.
    let snapshot: Snapshot | null = null;
    let readAt = Number.NEGATIVE_INFINITY;
    const take = () => {
      if (snapshot === null || performance.now() - readAt > sameScrapeMilliseconds) {
        snapshot = read();
        readAt = performance.now();
      }
      return snapshot;
    };
    const gauge = (name: string, help: string, value: (now: Snapshot) => number) =>
      new Gauge({
        name: `steerd_${name}`,
        help,
        registers: this.#registers,
        collect() {
          this.set(value(take()));
        },
      });
    gauge('num_requests_running', 'Sequences in slots', (now) => now.running);
    gauge('num_requests_waiting', 'Sequences that wait for a slot', (now) => now.waiting);
    gauge('kv_cache_usage_ratio', 'Tokens in the KV cache over what it holds', (now) => now.cacheUsage);
    gauge('concepts', 'Concepts known', (now) => now.concepts);
    gauge('answers_running', 'Replies being made', (now) => now.answers);
    gauge('model_ready', '1 when the default model can answer', (now) => Number(now.ready));
    gauge('models_loaded', 'Models in memory', (now) => now.modelsLoaded);
    gauge(
      'models_memory_bytes',
      'Weights of the models in memory, with their KV caches when full',
      (now) => now.modelBytes,
    );
  }

  /**
   * Adds the gauges of jobs. In a fleet those by status are of this server alone, and sum up; what waits is the fleet's, the same
   * from each.
   * @param kinds the numbers of each kind; a kind whose numbers cannot be read just now is left out of that scrape
   */
  observeJobs(kinds: Readonly<Record<string, () => JobNumbers | Promise<JobNumbers>>>): void {
    let reading: Promise<(readonly [string, JobNumbers])[]> | null = null;
    // All gauges of one scrape are read at once, and each waits for it: none tells of the scrape before.
    const read = () => {
      reading ??= Promise.all(
        Object.entries(kinds).map(async ([kind, numbers]) => {
          const now = await Promise.race([numbers(), tooLate()]).catch(() => null);
          return now === null ? [] : [[kind, now] as const];
        }),
      )
        .then((all) => all.flat())
        .finally(() => {
          reading = null;
        });
      return reading;
    };
    const gauge = <Label extends string>(
      name: string,
      help: string,
      labelNames: readonly Label[],
      set: (gauge: Gauge<Label>, kind: string, now: JobNumbers) => void,
    ) =>
      new Gauge({
        name: `steerd_${name}`,
        help,
        labelNames: [...labelNames],
        registers: this.#registers,
        async collect() {
          const all = await read();
          this.reset();
          for (const [kind, now] of all) set(this, kind, now);
        },
      });
    gauge(
      'jobs_waiting',
      'Jobs that wait, by kind; in a fleet all there are, the same from each server',
      ['kind'],
      (one, kind, { waiting }) => one.set({ kind }, waiting),
    );
    gauge(
      'jobs',
      'Jobs by kind and status; in a fleet those of this server',
      ['kind', 'status'],
      (one, kind, { own }) => {
        for (const [status, count] of Object.entries(own)) one.set({ kind, status }, count);
      },
    );
    gauge('fits', 'Fit jobs by status; in a fleet those of this server', ['status'], (one, kind, { own }) => {
      if (kind === 'fit') for (const [status, count] of Object.entries(own)) one.set({ status }, count);
    });
  }

  /** Counts an answer steered by `concept`, under its own label for the first hundred names. */
  countSteered(concept: string): void {
    if (this.#concepts.size < maximumLabels) this.#concepts.add(concept);
    this.steered.inc({ concept: this.#concepts.has(concept) ? concept : 'other' });
  }

  /** Counts for a key, under its own label for the first hundred. */
  countKey(what: KeyCount, { key, keyName, model, steered }: KeyLabels, amount: number): void {
    if (this.#keys.size < maximumLabels) this.#keys.add(key);
    const known = this.#keys.has(key);
    const labels = {
      key: known ? key : 'other',
      key_name: known ? keyName : 'other',
      model_name: model,
      steered: String(steered),
    };
    this.#byKey[what].inc(labels, amount);
  }

  #keyCounter(name: string, help: string) {
    return this.#counter(name, help, ['key', 'key_name', ...answerLabels]);
  }

  #histogram<Label extends string>(
    name: string,
    help: string,
    buckets: number[],
    labelNames: readonly Label[] = [],
  ): Histogram<Label> {
    return new Histogram({
      name: `steerd_${name}`,
      help,
      buckets,
      labelNames: [...labelNames],
      registers: this.#registers,
    });
  }

  #counter<Label extends string>(
    name: string,
    help: string,
    labelNames: readonly Label[] = [],
  ): Counter<Label> {
    return new Counter({
      name: `steerd_${name}`,
      help,
      labelNames: [...labelNames],
      registers: this.#registers,
    });
  }
}
