/** The models of the server: what each is and takes, and buttons that load and unload it. */
import { useState } from 'preact/hooks';
import type { ModelObject } from '../../schemas/models.js';
import { post } from '../api/client.js';
import { ApiError } from '../api/errors.js';
import { bytesText } from '../parts/bytes.js';
import { Dialog } from '../parts/dialog.js';
import { announce } from '../parts/live.js';
import { toast, toastError } from '../parts/toasts.js';
import { models, refreshModels } from '../state/library.js';

export const ModelCards = () => (
  <section class="stack-tight" aria-label="Models">
    <h2>Models</h2>
    <ul class="stack-tight">
      {models.value.map((model) => (
        <ModelCard key={model.id} model={model} />
      ))}
    </ul>
  </section>
);

const stateWords: Readonly<Record<ModelObject['state'], string>> = {
  unloaded: 'not loaded',
  loading: 'loading',
  ready: 'ready',
  unloading: 'leaving',
  failed: 'failed',
};

function ModelCard({ model }: { readonly model: ModelObject }) {
  const { id, state, problem, device, size, slots, max_model_len: context, layers, concepts } = model;
  const [busy, setBusy] = useState<'load' | 'unload' | null>(null);
  const [inUse, setInUse] = useState<string | null>(null);

  async function act(what: 'load' | 'unload', body?: object): Promise<void> {
    setBusy(what);
    try {
      await post(`v1/models/${encodeURIComponent(id)}/${what}`, body);
      toast(`${id} is ${what === 'load' ? 'loaded' : 'unloaded'}.`);
      announce(`${id} is ${what === 'load' ? 'loaded' : 'unloaded'}.`);
    } catch (error) {
      if (error instanceof ApiError && error.code === 'model_in_use') setInUse(error.message);
      else toastError(error);
    } finally {
      setBusy(null);
      await refreshModels().catch(toastError);
    }
  }

  const known = [
    device === null ? null : `on ${device}`,
    layers === null ? null : `${layers} layers`,
    context === null ? null : `${context.toLocaleString('en')} tokens of context`,
    slots === null ? null : `${slots} slots`,
    size === null
      ? null
      : `${bytesText(size.weights)} of weights; keys and values grow with use, to ${bytesText(size.kv)} if every slot were full`,
    concepts === 1 ? 'one concept' : `${concepts} concepts`,
    model.pinned ? 'stays loaded' : null,
    model.in_use > 0 ? `${model.in_use} in use` : null,
  ].filter((one) => one !== null);
  const isThere = state === 'ready' || state === 'unloading';
  return (
    <li class="card stack-tight model-card">
      <div class="row row-apart">
        <h3>
          {id} <span class={state === 'failed' ? 'chip chip-warn' : 'chip'}>{stateWords[state]}</span>
        </h3>
        <button
          type="button"
          disabled={busy !== null || state === 'loading' || state === 'unloading'}
          aria-label={`${isThere ? 'Unload' : 'Load'} ${id}`}
          onClick={() => void (isThere ? act('unload', {}) : act('load'))}
        >
          {busy === 'load' ? 'Loading…' : busy === 'unload' ? 'Unloading…' : isThere ? 'Unload' : 'Load'}
        </button>
      </div>
      <p class="hint">{known.join(' · ')}</p>
      {problem !== null && <p class="notice notice-warn">{problem}</p>}
      {inUse !== null && (
        <Dialog
          title={`${id} is in use`}
          onClose={() => setInUse(null)}
          actions={
            <>
              <button type="button" class="quiet" onClick={() => setInUse(null)}>
                Leave it loaded
              </button>
              <button
                type="button"
                class="danger"
                onClick={() => {
                  setInUse(null);
                  void act('unload', { force: true });
                }}
              >
                Unload it all the same
              </button>
            </>
          }
        >
          <p>{inUse}</p>
          <p class="hint">What runs on it would fail.</p>
        </Dialog>
      )}
    </li>
  );
}
