/** Chat: plain and steered answers side by side, and what a concept reads in both. */
import { effect } from '@preact/signals';
import { useEffect, useRef } from 'preact/hooks';
import { Composer } from '../chat/composer.js';
import { clear, draft, turns } from '../chat/conversation.js';
import { monitored } from '../chat/request.js';
import { seeing, tinting } from '../chat/seeing.js';
import { paramsOf, setUp, setUpOf } from '../chat/set-up.js';
import { SetUpPanel } from '../chat/set-up-panel.js';
import { TurnView } from '../chat/turn.js';
import { Welcome } from '../chat/welcome.js';
import { copy } from '../parts/clipboard.js';
import { Icon } from '../parts/icon.js';
import { Page } from '../parts/page.js';
import { chooseModel, model, models } from '../state/library.js';
import { keepInUrl, linkTo, route } from '../state/route.js';

/** Of this view in the URL; the first view is also where no fragment leads. */
const here = () => route.value.view === 'chat' || route.value.view === '';

/** A link brings its set-up and its question; coming back without one leaves all as it was. */
effect(() => {
  const { params } = route.value;
  if (!here() || params.size === 0) return;
  setUp.value = setUpOf(params);
  draft.value = params.get('ask') ?? draft.peek();
});

/** The model of a link, once the models are known. */
effect(() => {
  const wanted = setUp.value.model;
  if (wanted !== null && models.value.some(({ id }) => id === wanted)) chooseModel(wanted);
});

const shareable = (): URLSearchParams => {
  const params = paramsOf({
    ...setUp.value,
    model: models.value.length > 1 ? (model.value?.id ?? null) : null,
  });
  const question = draft.value.trim() === '' ? turns.value[0]?.question : draft.value;
  if (question !== undefined) params.set('ask', question);
  return params;
};

// Coming back by the navigation puts it into the URL again.
effect(() => {
  if (here()) keepInUrl('chat', shareable());
});

export default function Chat() {
  const place = useRef<HTMLDivElement>(null);
  const count = turns.value.length;
  const newest = turns.value.at(-1)?.id;
  // Each new question comes to the top; while answers grow, the page stays where it is.
  useEffect(() => {
    if (newest === undefined) return;
    place.current?.querySelector('.turn:last-of-type')?.scrollIntoView({ block: 'start' });
  }, [newest]);
  return (
    <Page
      title="Chat"
      wide
      actions={
        <>
          <SeeChoice />
          <button
            type="button"
            class="quiet"
            onClick={() => void copy(linkTo('chat', shareable()), 'The link to this set-up')}
          >
            <Icon name="link" /> Share
          </button>
          <button type="button" class="quiet" disabled={count === 0} onClick={clear}>
            <Icon name="trash" /> Clear
          </button>
        </>
      }
    >
      <div class="chat">
        <aside class="chat-side" aria-label="Set-up">
          <SetUpPanel />
        </aside>
        <div class="chat-main" ref={place}>
          {count === 0 ? (
            <Welcome />
          ) : (
            turns.value.map((turn, i) => <TurnView key={turn.id} turn={turn} last={i === count - 1} />)
          )}
          <Composer />
        </div>
      </div>
    </Page>
  );
}

/** Tints on or off, and by which concept where several are read. */
function SeeChoice() {
  const read = monitored(setUp.value);
  return (
    <>
      <button
        type="button"
        class="quiet"
        aria-pressed={seeing.value}
        onClick={() => {
          seeing.value = !seeing.value;
        }}
      >
        <Icon name="eye" /> See
      </button>
      {seeing.value && read.length > 1 && (
        <label>
          <span class="hidden-visually">Tinted by</span>
          <select
            value={read.includes(tinting.value) ? tinting.value : read[0]}
            onChange={({ currentTarget }) => {
              tinting.value = currentTarget.value;
            }}
          >
            {read.map((name) => (
              <option key={name} value={name}>
                {name}
              </option>
            ))}
          </select>
        </label>
      )}
    </>
  );
}
