/** Asks for the API key when the server wants one. */
import { useState } from 'preact/hooks';
import { keyQuestion } from '../api/key.js';
import { Dialog } from '../parts/dialog.js';

export function KeyDialog() {
  const question = keyQuestion.value;
  return question && <Asked key={question} reason={question.reason} answer={question.answer} />;
}

interface AskedProps {
  readonly reason: string;
  readonly answer: (key: string | null) => void;
}

function Asked({ reason, answer }: AskedProps) {
  const [typed, setTyped] = useState('');
  const given = typed.trim();
  return (
    <Dialog title="This server asks for a key" onClose={() => answer(null)}>
      <form
        class="stack"
        onSubmit={(event) => {
          event.preventDefault();
          if (given !== '') answer(given);
        }}
      >
        <p>{reason}</p>
        <label class="field">
          <span>API key</span>
          <input
            type="password"
            autocomplete="off"
            spellcheck={false}
            autofocus
            value={typed}
            onInput={({ currentTarget }) => setTyped(currentTarget.value)}
          />
        </label>
        <p class="hint">It stays in this page’s memory: a reload forgets it. “steerd keys add” makes one.</p>
        <div class="dialog-actions">
          <button type="submit" class="primary" disabled={given === ''}>
            Use this key
          </button>
        </div>
      </form>
    </Dialog>
  );
}
