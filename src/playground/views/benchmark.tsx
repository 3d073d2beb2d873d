/** Benchmark: the runs that lie with the server, how far each is, what it shows so far, and its report. */
import type { BenchmarkList, BenchmarkRun } from '../../schemas/benchmarks.js';
import { call, get, saveFile } from '../api/client.js';
import { inWords } from '../api/errors.js';
import { hasKey } from '../api/key.js';
import { Failed } from '../parts/failed.js';
import { Icon } from '../parts/icon.js';
import { Page } from '../parts/page.js';
import { usePolled } from '../parts/polled.js';
import { toastError } from '../parts/toasts.js';

/** Milliseconds between two looks: a run takes minutes to hours. */
const pause = 4000;

const readRuns = (signal: AbortSignal) => get<BenchmarkList>('v1/benchmarks', { signal });
const reportOf = ({ id }: BenchmarkRun) => `v1/benchmarks/${encodeURIComponent(id)}/report`;

export default function Benchmark() {
  const { value, error } = usePolled(readRuns, pause);
  return (
    <Page
      title="Benchmark"
      lead="Many concepts fitted, steered and judged: the paper’s table on your own model."
    >
      {error !== null && <Failed>{inWords(error)}</Failed>}
      {value !== null && value.data.length === 0 && (
        <p class="hint">
          There is no run yet. <code>steerd bench concepts --sample 3 --job first</code> makes one that is
          shown here.
        </p>
      )}
      {value?.data.map((run) => (
        <Run key={run.id} run={run} />
      ))}
    </Page>
  );
}

const states: Readonly<Record<BenchmarkRun['state'], string>> = {
  queued: 'waits',
  running: 'runs',
  stopped: 'stopped; the same command, or request, goes on with it',
  done: 'is done',
};

function Run({ run }: { readonly run: BenchmarkRun }) {
  const { id, state, model, started_at, concepts, classes, variants, fits, answers, judgements, success } =
    run;
  const judges = [...new Set(success.map(({ judge }) => judge))];
  const save = () =>
    call(reportOf(run), { method: 'GET' })
      .then(async (reply) => saveFile(`${id}.html`, await reply.blob()))
      .catch(toastError);
  return (
    <section class="card stack-tight" aria-label={`The run ${id}`}>
      <div class="row row-apart">
        <strong>
          {id}: {states[state]}
        </strong>
        {hasKey.value ? (
          <button type="button" onClick={() => void save()}>
            <Icon name="download" /> Save the report
          </button>
        ) : (
          <a class="button" href={reportOf(run)} target="_blank" rel="noopener">
            Open the report
          </a>
        )}
      </div>
      <p class="hint">
        {model}, {concepts} concepts in {classes.length} classes, {variants.length} ways; begun{' '}
        {new Date(started_at * 1000).toLocaleString('en')}
      </p>
      <Bar name="Fits" {...fits} note={fits.failed === 0 ? '' : `, ${fits.failed} failed`} />
      <Bar name="Answers" {...answers} note="" />
      {judgements.total > 0 && <Bar name="Judgements" {...judgements} note="" />}
      {judges.map((judge) => (
        <table key={judge} class="number">
          <caption>
            Success at strength 1 so far, judged by {judge === 'built-in' ? 'the model itself' : judge}
          </caption>
          <thead>
            <tr>
              <th scope="col">Way</th>
              <th scope="col">Share of answers</th>
              <th scope="col">95 %</th>
              <th scope="col">Concepts</th>
            </tr>
          </thead>
          <tbody>
            {success
              .filter((row) => row.judge === judge)
              .map((row) => (
                <tr key={row.variant}>
                  <th scope="row">{row.variant}</th>
                  <td>{row.mean.toFixed(2)}</td>
                  <td>
                    {row.low.toFixed(2)} to {row.high.toFixed(2)}
                  </td>
                  <td>{row.concepts}</td>
                </tr>
              ))}
          </tbody>
        </table>
      ))}
    </section>
  );
}

interface BarProps {
  readonly name: string;
  readonly done: number;
  readonly total: number;
  readonly note: string;
}

const Bar = ({ name, done, total, note }: BarProps) => (
  <label class="stack-tight">
    <span>
      {name}: {done} of {total}
      {note}
    </span>
    <progress value={done} max={Math.max(1, total)} />
  </label>
);
