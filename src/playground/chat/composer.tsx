/** Where the question is typed. Enter sends, Shift+Enter is a new line. */
import { useEffect, useRef } from 'preact/hooks';
import { Icon } from '../parts/icon.js';
import { model } from '../state/library.js';
import { ask, draft, isRunning, stop } from './conversation.js';

export function Composer() {
  const field = useRef<HTMLTextAreaElement>(null);
  const typed = draft.value;
  const running = isRunning.value;
  const ready = typed.trim() !== '' && model.value !== null && !running;
  const send = () => {
    if (!ready) return;
    draft.value = '';
    void ask(typed.trim());
  };
  // As high as its text, up to what the style allows.
  useEffect(() => {
    const element = field.current;
    if (element === null) return;
    element.style.height = 'auto';
    element.style.height = `${element.scrollHeight + 2}px`;
  }, [typed]);
  return (
    <form
      class="composer"
      onSubmit={(event) => {
        event.preventDefault();
        send();
      }}
    >
      <textarea
        ref={field}
        rows={1}
        aria-label="Your message"
        placeholder="Ask something"
        value={typed}
        onInput={({ currentTarget }) => {
          draft.value = currentTarget.value;
        }}
        onKeyDown={(event) => {
          // While a word is being composed Enter belongs to the input method.
          if (event.key !== 'Enter' || event.shiftKey || event.isComposing) return;
          event.preventDefault();
          send();
        }}
      />
      {running ? (
        <button type="button" class="primary icon-only" aria-label="Stop" onClick={stop}>
          <Icon name="stop" />
        </button>
      ) : (
        <button type="submit" class="primary icon-only" aria-label="Send" disabled={!ready}>
          <Icon name="send" />
        </button>
      )}
    </form>
  );
}
