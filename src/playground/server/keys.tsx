/** The API keys, for whoever may manage them; for everybody else, how keys are made and which this page uses. */
import { useState } from 'preact/hooks';
import type { KeyList, KeyObject } from '../../schemas/keys.js';
import { get, remove } from '../api/client.js';
import { ApiError, inWords } from '../api/errors.js';
import { askForKey, hasKey } from '../api/key.js';
import { Dialog } from '../parts/dialog.js';
import { Failed } from '../parts/failed.js';
import { usePolled } from '../parts/polled.js';
import { toast, toastError } from '../parts/toasts.js';
import { NewKeyDialog } from './new-key.js';

/** Milliseconds. */
const pause = 10_000;

const readKeys = (signal: AbortSignal) => get<KeyList>('v1/keys', { signal });

export function Keys() {
  /** Another question, so that it is asked at once. */
  const [ask, setAsk] = useState(() => readKeys);
  const { value, error } = usePolled(ask, pause);
  const [making, setMaking] = useState(false);
  const again = () => setAsk(() => (signal: AbortSignal) => readKeys(signal));
  const may = value !== null && error === null;
  return (
    <section class="stack-tight" aria-label="Keys">
      <div class="row row-apart">
        <h2>Keys</h2>
        {may && value.needed && (
          <button type="button" onClick={() => setMaking(true)}>
            New key
          </button>
        )}
      </div>
      {may && !value.needed && (
        <p class="hint">
          This server needs no keys. Its first is made on its own machine, and from then on every request
          needs one: <code>steerd keys add NAME --scopes admin</code>.
        </p>
      )}
      {hasKey.value && (
        <p class="row hint">
          This page uses the key that you gave, and forgets it when it is closed.
          <button
            type="button"
            class="quiet"
            onClick={() =>
              void askForKey('The next requests of this page use the key that you give.').then(again)
            }
          >
            Use another key
          </button>
        </p>
      )}
      {may && value.needed && (
        <ul class="stack-tight">
          {value.data.map((key) => (
            <KeyCard key={key.id} shown={key} isOwn={key.id === value.own} onRevoked={again} />
          ))}
        </ul>
      )}
      {may && value.unknown.length > 0 && (
        <p class="hint">
          Left out, for a newer server made them: {value.unknown.join(', ')}. <code>steerd keys revoke</code>{' '}
          takes them away.
        </p>
      )}
      {error !== null &&
        (error instanceof ApiError && error.code === 'insufficient_scope' ? (
          <p class="hint">Keys are for an admin: {error.message}</p>
        ) : (
          <Failed>{inWords(error)}</Failed>
        ))}
      {making && <NewKeyDialog onClose={() => setMaking(false)} onMade={again} />}
    </section>
  );
}

const dateOf = (seconds: number) => new Date(seconds * 1000).toLocaleDateString();

/** What a key is held to, as far as it is. */
function limitsOf(key: KeyObject): string[] {
  const limits: readonly (readonly [number | null, string])[] = [
    [key.requests_per_minute, 'requests a minute'],
    [key.tokens_per_minute, 'tokens a minute'],
    [key.concurrent_streams, 'at once'],
    [key.max_concepts, 'concepts made'],
    [key.max_strength, 'max strength'],
  ];
  const only = (names: readonly string[] | null, what: string) =>
    names === null ? [] : [`only ${what} ${names.join(', ') || 'none'}`];
  return [
    ...limits.flatMap(([limit, what]) => (limit === null ? [] : [`${limit.toLocaleString('en')} ${what}`])),
    ...only(key.models, 'models'),
    ...only(key.concepts, 'concepts'),
    ...(key.steering === null ? [] : ['steered unless asked otherwise']),
  ];
}

interface KeyCardProps {
  readonly shown: KeyObject;
  readonly isOwn: boolean;
  readonly onRevoked: () => void;
}

function KeyCard({ shown, isOwn, onRevoked }: KeyCardProps) {
  const { id, name, scopes, created, expires } = shown;
  const [sure, setSure] = useState(false);
  const isOver = expires !== null && expires * 1000 <= Date.now();
  async function revoke(): Promise<void> {
    setSure(false);
    try {
      await remove(`v1/keys/${encodeURIComponent(id)}`);
      toast(`The key of ${name} is revoked.`);
    } catch (error) {
      toastError(error);
    }
    onRevoked();
  }
  const life = [
    `made ${dateOf(created)}`,
    expires === null ? 'never expires' : `${isOver ? 'expired' : 'expires'} ${dateOf(expires)}`,
  ];
  return (
    <li class="card stack-tight model-card">
      <div class="row row-apart">
        <h3>
          {name} {isOwn && <span class="chip">this page’s</span>}
          {isOver && <span class="chip chip-warn">expired</span>}
        </h3>
        {!isOwn && (
          <button type="button" class="danger" onClick={() => setSure(true)} aria-label={`Revoke ${name}`}>
            Revoke
          </button>
        )}
      </div>
      <p class="hint">{[id, scopes.join(', '), ...limitsOf(shown), ...life].join(' · ')}</p>
      {sure && (
        <Dialog
          title={`Revoke the key of ${name}?`}
          onClose={() => setSure(false)}
          actions={
            <>
              <button type="button" class="quiet" onClick={() => setSure(false)}>
                Keep it
              </button>
              <button type="button" class="danger" onClick={() => void revoke()}>
                Revoke it
              </button>
            </>
          }
        >
          <p>Whoever uses it is refused from then on. This cannot be undone.</p>
        </Dialog>
      )}
    </li>
  );
}
