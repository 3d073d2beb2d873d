/** A fit on the embedded model: what its parts take, and what it leaves of the speed of streams beside it. */
import { greedy } from '../../src/engine/protocol.js';
import { fitConcept } from '../../src/fitting/fit-concept.js';
import { fitPlan } from '../../src/fitting/fit-plan.js';
import { defaultStatements } from '../../src/fitting/statements/index.js';
import { questions } from '../../src/fitting/statements/questions.js';
import type { LoadedModel } from '../../src/models/model.js';
import { FitRequest } from '../../src/schemas/fits.js';
import type { Ratio, Row } from './report.js';

const prefix = 'Personify someone who is terrified of spiders.';
const none = new AbortController().signal;

/** When each stage of a fit began, in milliseconds. */
type Stages = ReadonlyMap<string, number>;

async function timedFit(model: LoadedModel, body: object): Promise<{ stages: Stages; ended: number }> {
  const stages = new Map<string, number>();
  const [settings] = fitPlan(FitRequest.parse({ name: 'bench', prefix, ...body })).candidates;
  await fitConcept(settings, model, none, (stage) => {
    if (!stages.has(stage)) stages.set(stage, performance.now());
  });
  return { stages, ended: performance.now() };
}

/** The shipped 200 + 200 statements, all layers, recipe attention as in the paper, method rfm: what issue 4 limits. */
export async function benchWholeFit(model: LoadedModel): Promise<{ rows: Row[]; ratios: Ratio[] }> {
  const started = performance.now();
  const { stages, ended } = await timedFit(model, { recipe: 'attention', method: 'rfm', contrast: 'none' });
  const direction = stages.get('direction') ?? ended;
  const calibration = stages.get('calibrate: answer plainly') ?? ended;
  const seconds = {
    capture: (direction - started) / 1000,
    algebra: (calibration - direction) / 1000,
    fit: (calibration - started) / 1000,
    calibration: (ended - calibration) / 1000,
  };
  const n = defaultStatements.positive.length + defaultStatements.negative.length;
  const what = `rfm, ${n} statements, all layers`;
  return {
    rows: [
      {
        section: 'a whole fit',
        case: what,
        streams: 0,
        figures: {
          's capture': seconds.capture,
          's linear algebra': seconds.algebra,
          's fit': seconds.fit,
          's calibration': seconds.calibration,
        },
      },
    ],
    ratios: [
      { what: `seconds of ${what}, before calibration`, value: seconds.fit, kind: 'at most', bound: 90 },
      { what: `seconds of ${what}, linear algebra`, value: seconds.algebra, kind: 'at most', bound: 30 },
      { what: 'seconds of its calibration', value: seconds.calibration, kind: 'at most', bound: 30 },
    ],
  };
}

const streams = 4;
const streamTokens = 96;
/** Before and after the fit: a slow minute of the machine hits them too. */
const aloneMilliseconds = 6000;
/** Fits that last about as long as the streams alone, or longer. */
const fits = [
  {
    name: 'attention, rfm, 40 + 40 statements',
    body: {
      recipe: 'attention',
      method: 'rfm',
      statements: {
        positive: defaultStatements.positive.slice(0, 40),
        negative: defaultStatements.negative.slice(0, 40),
      },
    },
  },
  {
    name: 'responses, mean_difference, 12 + 12 questions',
    body: {
      recipe: 'responses',
      statements: { positive: questions.slice(0, 12), negative: questions.slice(0, 12) },
    },
  },
] as const;

/** Four streams all the time; a fit in the middle of it. */
export async function benchStreamsBeside(model: LoadedModel): Promise<{ rows: Row[]; ratios: Ratio[] }> {
  const rows: Row[] = [];
  const ratios: Ratio[] = [];
  for (const { name, body } of fits) {
    const times: number[] = [];
    const stop = new AbortController();
    const clients = Array.from({ length: streams }, (_, row) => stream(model, row, stop.signal, times));
    const wait = (milliseconds: number) => new Promise((resolve) => setTimeout(resolve, milliseconds));
    // The first answers warm everything up.
    await wait(2000);
    const first = performance.now();
    await wait(aloneMilliseconds);
    const began = performance.now();
    const { stages, ended } = await timedFit(model, body);
    await wait(aloneMilliseconds);
    const last = performance.now();
    stop.abort();
    await Promise.all(clients);

    const rate = (from: number, to: number) =>
      (1000 * times.filter((time) => time >= from && time < to).length) / (to - from);
    const alone = (rate(first, began) + rate(ended, last)) / 2;
    const order = [...stages, ['', ended] as const];
    const figures: Record<string, number> = { 'tokens/s alone': alone, 'beside the fit': rate(began, ended) };
    for (const [index, [stage, from]] of order.slice(0, -1).entries())
      figures[stage] = rate(from, order[index + 1]?.[1] ?? ended);
    figures['s of the fit'] = (ended - began) / 1000;
    rows.push({ section: 'streams beside a fit', case: name, streams, figures });
    ratios.push({
      what: `tokens per second of ${streams} streams beside a fit / alone (${name})`,
      value: rate(began, ended) / alone,
      kind: 'at least',
      bound: 0.5,
    });
  }
  return { rows, ratios };
}

/** One answer after the other; notes when each token came. A stream that fails fails the bench. */
async function stream(model: LoadedModel, row: number, stop: AbortSignal, times: number[]): Promise<void> {
  const prompt = model.tokenizer.encode('The harbour was quiet that morning. A boat moved out');
  while (!stop.aborted) {
    const steps = model.engine.generate({
      prompt: [...prompt, 100 + row],
      maxTokens: streamTokens,
      stopTokens: [],
      minTokens: 0,
      sampling: greedy,
      edit: [],
      priority: 'interactive',
    });
    for await (const _ of steps) {
      times.push(performance.now());
      if (stop.aborted) break;
    }
  }
}
