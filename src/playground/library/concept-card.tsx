/** One concept of the library. */
import { Icon, type IconName } from '../parts/icon.js';
import { announce } from '../parts/live.js';
import { strengthText } from '../parts/slider.js';
import { chatWith } from '../state/chat-link.js';
import { type ConceptSummary, models } from '../state/library.js';

export const announceCount = (count: number): void =>
  announce(count === 1 ? 'One concept' : `${count} concepts`);

/** CSS pixels, which the virtual list needs to know. */
export const cardSize = { width: 330, height: 178, gap: 14 } as const;

export type CardAction = 'show' | 'export' | 'rename' | 'delete';

interface ConceptCardProps {
  readonly concept: ConceptSummary;
  readonly onAct: (action: CardAction) => void;
}

export function ConceptCard({ concept, onAct }: ConceptCardProps) {
  const { name, model, prefix, source, recipe, method, weak, max_strength: max } = concept;
  const how = `${recipe}, ${method.replaceAll('_', ' ')}${models.value.length > 1 ? `, on ${model}` : ''}`;
  const act = (action: CardAction, what: string, icon: IconName) => (
    <button
      type="button"
      class="icon"
      title={what}
      aria-label={`${what} ${name}`}
      onClick={() => onAct(action)}
    >
      <Icon name={icon} />
    </button>
  );
  return (
    <article class="card library-card">
      <div class="library-card-head">
        <h2 title={name}>{name}</h2>
        {source === 'shipped' && <span class="chip">shipped</span>}
        {weak === true && <span class="chip chip-warn">weak</span>}
        {max !== undefined && (
          <span class="chip number" title="The largest strength at which answers were found fluent">
            max {strengthText(Number(max.toFixed(2)))}
          </span>
        )}
      </div>
      <p class="library-prefix">{prefix === '' ? 'Without a message.' : prefix}</p>
      <p class="hint library-how" title={how}>
        {how}
      </p>
      <div class="library-actions">
        <a class="button" href={chatWith(name, model)} aria-label={`Try ${name} in the chat`}>
          Try it
        </a>
        <button type="button" class="quiet" onClick={() => onAct('show')} aria-label={`Figures of ${name}`}>
          Figures
        </button>
        <span class="library-icons">
          {act('export', 'Export', 'download')}
          {source === 'data' && act('rename', 'Rename', 'pencil')}
          {source === 'data' && act('delete', 'Delete', 'trash')}
        </span>
      </div>
    </article>
  );
}
