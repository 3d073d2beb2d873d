/** Makes an API key: what it may do and its limits; then its secret, which is shown this once. */
import type { TargetedEvent } from 'preact';
import { useState } from 'preact/hooks';
import type { KeyRequest, MadeKey } from '../../schemas/keys.js';
import { post } from '../api/client.js';
import { inWords } from '../api/errors.js';
import { copy } from '../parts/clipboard.js';
import { Dialog } from '../parts/dialog.js';
import { DialogForm } from '../parts/dialog-form.js';
import { SelectField } from '../parts/select-field.js';

type Scope = MadeKey['scopes'][number];

const scopes: readonly (readonly [Scope, string])[] = [
  ['completions', 'answer, steered or not'],
  ['concepts:read', 'see concepts'],
  ['concepts:write', 'make, change and delete concepts'],
  ['metrics', 'read metrics and load, nothing else'],
  ['admin', 'everything, keys too'],
];

const lives = [
  ['', 'never'],
  ['1', 'in a day'],
  ['30', 'in 30 days'],
  ['365', 'in a year'],
] as const;

const limits = [
  ['requests_per_minute', 'Requests a minute'],
  ['tokens_per_minute', 'Tokens a minute'],
  ['concurrent_streams', 'Completions at once'],
  ['max_concepts', 'Concepts that it may make'],
  ['max_strength', 'Max strength'],
] as const;

const lists = [
  ['models', 'Only these models'],
  ['concepts', 'Only these concepts'],
] as const;

interface NewKeyDialogProps {
  readonly onClose: () => void;
  readonly onMade: () => void;
}

export function NewKeyDialog({ onClose, onMade }: NewKeyDialogProps) {
  const [made, setMade] = useState<MadeKey | null>(null);
  return made === null ? (
    <Asked
      onClose={onClose}
      onMade={(key) => {
        setMade(key);
        onMade();
      }}
    />
  ) : (
    <Dialog
      title={`The key of ${made.name}`}
      onClose={onClose}
      actions={
        <button type="button" class="primary" onClick={() => void copy(made.secret, 'The key')}>
          Copy
        </button>
      }
    >
      <p>It is shown this once; the server keeps only what it is recognised by.</p>
      <p class="card secret">
        <code>{made.secret}</code>
      </p>
    </Dialog>
  );
}

interface AskedProps {
  readonly onClose: () => void;
  readonly onMade: (key: MadeKey) => void;
}

function Asked({ onClose, onMade }: AskedProps) {
  const [name, setName] = useState('');
  const [granted, setGranted] = useState<readonly Scope[]>(['completions']);
  const [life, setLife] = useState<(typeof lives)[number][0]>('');
  const [more, setMore] = useState<Readonly<Record<string, string>>>({});
  const [refused, setRefused] = useState<string | null>(null);
  const type = (field: string) => (event: TargetedEvent<HTMLInputElement>) =>
    setMore({ ...more, [field]: event.currentTarget.value });
  const typed = (field: string) => more[field]?.trim() ?? '';

  async function send(): Promise<void> {
    const request = {
      name: name.trim(),
      scopes: [...granted],
      expires: life === '' ? null : Math.floor(Date.now() / 1000) + Number(life) * 86_400,
      ...Object.fromEntries(limits.flatMap(([id]) => (typed(id) === '' ? [] : [[id, Number(typed(id))]]))),
      ...Object.fromEntries(lists.flatMap(([id]) => (typed(id) === '' ? [] : [[id, listOf(typed(id))]]))),
    } satisfies Partial<KeyRequest>;
    try {
      onMade(await post<MadeKey>('v1/keys', request));
    } catch (error) {
      setRefused(inWords(error));
    }
  }

  return (
    <DialogForm
      title="New key"
      onClose={onClose}
      onSubmit={() => void send()}
      action="Make the key"
      disabled={name.trim() === '' || granted.length === 0}
      refused={refused}
    >
      <label class="field">
        <span>What or who it is for</span>
        <input
          value={name}
          required
          maxLength={128}
          onInput={({ currentTarget }) => setName(currentTarget.value)}
        />
      </label>
      <fieldset class="stack-tight">
        <legend class="label">What it may do</legend>
        {scopes.map(([scope, words]) => (
          <label key={scope} class="check">
            <input
              type="checkbox"
              checked={granted.includes(scope)}
              onChange={({ currentTarget: { checked } }) =>
                setGranted(checked ? [...granted, scope] : granted.filter((one) => one !== scope))
              }
            />
            {scope}: {words}
          </label>
        ))}
      </fieldset>
      <SelectField label="Expires" value={life} options={lives} onChoose={setLife} />
      <details class="stack">
        <summary>Limits</summary>
        <div class="grid-two">
          {limits.map(([id, label]) => (
            <label key={id} class="field">
              <span>{label}</span>
              <input
                type="number"
                min="0"
                step="any"
                placeholder="none"
                value={more[id] ?? ''}
                onInput={type(id)}
              />
            </label>
          ))}
          {lists.map(([id, label]) => (
            <label key={id} class="field">
              <span>{label}</span>
              <input placeholder="all, or names with commas" value={more[id] ?? ''} onInput={type(id)} />
            </label>
          ))}
        </div>
      </details>
    </DialogForm>
  );
}

const listOf = (text: string) =>
  text
    .split(',')
    .map((one) => one.trim())
    .filter((one) => one !== '');
