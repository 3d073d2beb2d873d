/**
 * A service that answers what a run asks, by rules that a test can compute: a concept shows more of itself the stronger it
 * steers, up to a strength beyond which its answers fall apart. It counts what it was asked, and can break at any request.
 */
import { setImmediate as nextTurn } from 'node:timers/promises';
import type { BenchApi } from '../../src/benchmark/client.js';
import { paperConcepts, sampleOf } from '../../src/benchmark/concepts.js';
import { headOf } from '../../src/benchmark/head.js';
import { pointsOf, variantsOf } from '../../src/benchmark/plan.js';
import type { Run, Variant } from '../../src/benchmark/records.js';

type Body = Readonly<Record<string, unknown>>;

export class StubService implements BenchApi {
  readonly where = null;
  readonly named = { model: 'stub' };
  readonly stopped = new AbortController();
  readonly signal = this.stopped.signal;
  /** Names of the concepts that are there, with what was asked of their fits. */
  readonly fitted = new Map<string, Body>();
  readonly fits: Body[] = [];
  /** By concept, what was asked of its calibration. */
  readonly calibrations = new Map<string, Body>();
  /** `way|prompt|concept|strength` of every answer. */
  readonly answers: string[] = [];
  mostAtOnce = 0;
  #running = 0;
  #requests = 0;

  /**
   * @param breaksAt the request at which the process is killed, as far as the run can tell: nothing after it is answered
   * @param impossible whether a fit is refused
   */
  constructor(
    private readonly breaksAt = Number.POSITIVE_INFINITY,
    private readonly impossible: (fit: Body) => boolean = () => false,
  ) {}

  concepts = (under = '') => `/v1/concepts${under}`;

  async json<T>(
    path: string,
    { method = 'GET', body = {} }: { method?: string; body?: object } = {},
  ): Promise<T> {
    this.signal.throwIfAborted();
    if (++this.#requests >= this.breaksAt) {
      this.stopped.abort(new Error('killed'));
      throw this.signal.reason;
    }
    this.mostAtOnce = Math.max(this.mostAtOnce, ++this.#running);
    try {
      await nextTurn();
      this.signal.throwIfAborted();
      return this.#reply(path, method, body as Body) as T;
    } finally {
      this.#running--;
    }
  }

  #reply(path: string, method: string, body: Body): unknown {
    if (path === '/v1/models/stub')
      return { id: 'stub', fingerprint: 'f'.repeat(64), layers: 3, hidden_size: 4 };
    if (path === '/v1/chat/completions') return this.#chat(body);
    if (path === '/v1/steering/judge') return judge(body);
    if (path === '/v1/fits') {
      this.fits.push(body);
      if (!this.impossible(body)) this.fitted.set(String(body.name), body);
      return { id: String(this.fits.length - 1) };
    }
    const [, fit] = /^\/v1\/fits\/(\d+)$/.exec(path) ?? [];
    if (fit !== undefined) {
      const failed = this.impossible(this.fits[Number(fit)] ?? {});
      return {
        status: failed ? 'failed' : 'succeeded',
        error: failed ? { code: 'fit_impossible', message: 'it cannot be' } : null,
        layers: [{ layer: 1, seconds: 1, token: -2, auroc: 0.75, validation_r: 0.5 }],
      };
    }
    const [, name = ''] = /^\/v1\/concepts\/([^/]+)/.exec(path) ?? [];
    if (!this.fitted.has(name)) throw refused(404, 'concept_not_found');
    if (method === 'DELETE') this.fitted.delete(name);
    if (path.endsWith('/calibrate')) this.calibrations.set(name, body);
    const glanced = this.calibrations.get(name)?.glance === true;
    return {
      version: `v-${name}`,
      calibration: {
        method: glanced ? 'glance' : 'norm_share',
        coefficients: [0, 2, 0],
        details: glanced ? { share: 0.013 } : {},
      },
    };
  }

  #chat({ messages, steering }: Body): unknown {
    const said = messages as { role: string; content: string }[];
    const [item] = (steering ?? []) as { concept: string; strength: number }[];
    const prompt = said.at(-1)?.content ?? '';
    const way = item !== undefined ? 'steered' : said.length > 1 ? 'told' : 'plain';
    const strength = item?.strength ?? (way === 'told' ? 1 : 0);
    if (item !== undefined && !this.fitted.has(item.concept)) throw refused(404, 'concept_not_found');
    this.answers.push([way, prompt, item?.concept ?? '', strength].join('|'));
    const content = `at ${strength}, by ${this.fitted.get(item?.concept ?? '')?.method ?? way}`;
    return {
      model: 'stub',
      choices: [{ message: { content }, finish_reason: 'stop' }],
      usage: { completion_tokens: 4 },
    };
  }
}

function refused(status: number, code: string): Error {
  return Object.assign(new Error(code), { status, code });
}

/** Half of what a method shows, it shows at this strength. */
const halfAt: Readonly<Record<string, number>> = { rfm: 0.5, mean_difference: 1, told: 0.25 };

/** What is read of an answer follows from the strength that it tells. */
function judge({ answers, others, among }: Body): unknown {
  const data = (answers as { question: number; answer: string }[]).map(({ question, answer }) => {
    const [, at, by = 'plain'] = /^at (\S+), by (.*)$/.exec(answer) ?? [];
    const strength = Number(at ?? 0);
    const shown = strength / (strength + (halfAt[by] ?? 1));
    return {
      question,
      tokens: 4,
      evidence: shown,
      identified: shown > 0.4 + 0.05 * question,
      log_probability: -1 - (strength > 1.2 ? 3 : 0),
      relevance: 1 - 0.2 * strength,
      distinct_2: 1,
      failed: false,
      explained_by: among === undefined ? null : shown > 0.4 ? 0 : 1,
    };
  });
  return { model: 'stub', others: others ?? [], data };
}

export const usualAxes = {
  recipes: ['attention'],
  methods: ['rfm', 'mean_difference'],
  contrasts: [null],
  profiles: ['separation'],
  tokens: ['chosen'],
  labels: [null],
  layers: ['all'],
  statements: [null],
} as const satisfies Parameters<typeof variantsOf>[0];

/** The head of a small run: one concept of each class, two methods, three strengths. */
export function stubRun(
  service: StubService,
  more: { variants?: Variant[]; judge?: Run['options']['judge']; each?: number } = {},
): Promise<Run> {
  return headOf(service, {
    concepts: sampleOf(paperConcepts(), more.each ?? 1, 0),
    variants: more.variants ?? variantsOf(usualAxes),
    points: pointsOf([0.5, 1, 1.5], []),
    options: {
      list: 'paper',
      sample: 1,
      seed: 0,
      seeds: [0],
      temperature: 0,
      max_tokens: 8,
      calibration: 'none',
      judge: more.judge ?? null,
    },
  });
}
