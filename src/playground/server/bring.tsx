/** Brings models: from a hub, or from a checkpoint that lies on the server's disk; and shows how far that is. */

import { useEffect, useState } from 'preact/hooks';
import { inWords } from '../api/errors.js';
import { bytesText } from '../parts/bytes.js';
import { Failed } from '../parts/failed.js';
import { SelectField } from '../parts/select-field.js';
import { Tabs } from '../parts/tabs.js';
import { begin, cancel, isOver, type Job, jobs, readJobs } from './jobs.js';

const kinds = ['From a hub', 'From a file of the server'] as const;

export function Bring() {
  const [kind, setKind] = useState<(typeof kinds)[number]>(kinds[0]);
  const [refused, setRefused] = useState<string | null>(null);
  useEffect(() => {
    readJobs().catch((error: unknown) => setRefused(inWords(error)));
  }, []);
  const start = (what: 'pull' | 'import', body: object) => {
    setRefused(null);
    begin(what, body).catch((error: unknown) => setRefused(inWords(error)));
  };
  return (
    <section class="stack-tight" aria-label="Bring a model">
      <h2>Bring a model</h2>
      <div class="card">
        <Tabs label="Where from" tabs={kinds} chosen={kind} onChoose={setKind}>
          {kind === kinds[0] ? (
            <BringForm
              key={kind}
              label="Model on the hub"
              placeholder="onnx-community/Qwen3-0.6B-ONNX"
              precision="as exported, else int8"
              hint="An ONNX export is taken as it is; without one a graph is built from its safetensors."
              submit="Pull"
              onSubmit={(model, precision) => start('pull', { model, ...precision })}
            />
          ) : (
            <BringForm
              key={kind}
              label="Path under a models directory of the server"
              placeholder="checkpoints/model.gguf"
              precision="int8"
              hint="A GGUF file, or a folder with config.json and safetensors."
              submit="Import"
              onSubmit={(path, precision) => start('import', { path, ...precision })}
            />
          )}
        </Tabs>
        {refused !== null && <Failed>{refused}</Failed>}
      </div>
      {jobs.value.length > 0 && (
        <ul class="stack-tight" aria-label="Pulls and imports">
          {jobs.value.map((job) => (
            <JobCard key={job.id} job={job} />
          ))}
        </ul>
      )}
    </section>
  );
}

interface BringFormProps {
  readonly label: string;
  readonly placeholder: string;
  /** What none chosen means. */
  readonly precision: string;
  readonly hint: string;
  readonly submit: string;
  readonly onSubmit: (what: string, precision: { readonly precision?: string }) => void;
}

function BringForm({ label, placeholder, precision, hint, submit, onSubmit }: BringFormProps) {
  const [what, setWhat] = useState('');
  const [chosen, setChosen] = useState('');
  return (
    <form
      class="bring"
      onSubmit={(event) => {
        event.preventDefault();
        if (what.trim() !== '') onSubmit(what.trim(), chosen === '' ? {} : { precision: chosen });
      }}
    >
      <label class="field bring-what">
        <span>{label}</span>
        <input
          value={what}
          spellcheck={false}
          autocapitalize="off"
          placeholder={placeholder}
          onInput={({ currentTarget }) => setWhat(currentTarget.value)}
        />
      </label>
      <SelectField
        label="Precision"
        value={chosen}
        options={[['', precision], ...precisions]}
        onChoose={setChosen}
      />
      <button type="submit" class="primary" disabled={what.trim() === ''}>
        {submit}
      </button>
      <p class="hint bring-hint">{hint}</p>
    </form>
  );
}

const precisions = ['int8', 'int4', 'fp16', 'fp32'].map((one) => [one, one] as const);

const words: Readonly<Record<Job['status'], string>> = {
  queued: 'waits',
  running: 'comes',
  succeeded: 'is there',
  failed: 'failed',
  cancelled: 'cancelled',
};

function JobCard({ job }: { readonly job: Job }) {
  const { name, status, progress, error } = job;
  const from = job.object === 'model.pull' ? `${job.model}, ${job.revision}` : job.path;
  const far = progress && `${progress.stage}: ${bytesText(progress.done)} of ${bytesText(progress.total)}`;
  return (
    <li class="card stack-tight">
      <div class="row row-apart">
        <h3>
          {name} <span class={status === 'failed' ? 'chip chip-warn' : 'chip'}>{words[status]}</span>
        </h3>
        {!isOver(job) && (
          <button type="button" onClick={() => void cancel(job)} aria-label={`Cancel ${name}`}>
            Cancel
          </button>
        )}
      </div>
      <p class="hint">{from}</p>
      {!isOver(job) && progress !== null && (
        <>
          <progress value={progress.done} max={Math.max(1, progress.total)} aria-label={far ?? name} />
          <p class="hint number">{far}</p>
        </>
      )}
      {error !== null && <p class="notice notice-failed">{error.message}</p>}
    </li>
  );
}
