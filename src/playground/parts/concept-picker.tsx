/**
 * Finds a concept among thousands by typing: an ARIA combobox with a list that filters as one types, arrow keys, Enter to take one,
 * Escape to close.
 */
import { useId, useRef, useState } from 'preact/hooks';
import { type ConceptSummary, concepts } from '../state/library.js';
import { Icon } from './icon.js';

interface ConceptPickerProps {
  readonly label: string;
  readonly placeholder?: string;
  /** Names that are not offered: those already there. */
  readonly without?: readonly string[];
  readonly onPick: (name: string) => void;
}

/** Rows that are rendered; typing narrows them down. */
const mostShown = 60;

/** Those whose name begins with what is typed, then those that have it in their name or in what stated them. */
export function findConcepts(all: readonly ConceptSummary[], typed: string): ConceptSummary[] {
  const wanted = typed.trim().toLowerCase();
  if (wanted === '') return [...all];
  const rank = ({ name, prefix }: ConceptSummary) => {
    const lower = name.toLowerCase();
    if (lower.startsWith(wanted)) return 0;
    if (lower.includes(wanted)) return 1;
    return prefix.toLowerCase().includes(wanted) ? 2 : 3;
  };
  return all
    .map((concept) => ({ concept, rank: rank(concept) }))
    .filter((one) => one.rank < 3)
    .sort((a, b) => a.rank - b.rank)
    .map((one) => one.concept);
}

export function ConceptPicker({
  label,
  placeholder = 'Add a concept',
  without = [],
  onPick,
}: ConceptPickerProps) {
  const id = useId();
  const [typed, setTyped] = useState('');
  const [open, setOpen] = useState(false);
  const [active, setActive] = useState(0);
  const list = useRef<HTMLDivElement>(null);
  // Closed it shows nothing, and whatever is around it is drawn anew at each step of a slider.
  const found = open ? findConcepts(concepts.value, typed).filter(({ name }) => !without.includes(name)) : [];
  const shown = found.slice(0, mostShown);
  const current = Math.min(active, shown.length - 1);

  const pick = (name: string) => {
    onPick(name);
    setTyped('');
    setActive(0);
    setOpen(false);
  };
  const move = (to: number) => {
    const index = Math.max(0, Math.min(shown.length - 1, to));
    setOpen(true);
    setActive(index);
    list.current?.children[index]?.scrollIntoView({ block: 'nearest' });
  };
  const onKeyDown = (event: KeyboardEvent) => {
    const chosen = shown[current];
    if (event.key === 'ArrowDown') move(open ? current + 1 : 0);
    else if (event.key === 'ArrowUp') move(current - 1);
    else if (event.key === 'Enter' && open && chosen !== undefined) pick(chosen.name);
    else if (event.key === 'Escape' && (open || typed !== '')) {
      setOpen(false);
      setTyped('');
    } else return;
    event.preventDefault();
    event.stopPropagation();
  };

  return (
    <div class="picker">
      <Icon name="search" />
      <input
        type="text"
        // No list of the browser's: its type wants to hear so.
        list={undefined}
        // biome-ignore lint/a11y/noRedundantRoles: without a list of the browser's its role would be textbox
        role="combobox"
        aria-label={label}
        aria-expanded={open}
        aria-controls={`${id}-list`}
        aria-autocomplete="list"
        aria-activedescendant={open && shown.length > 0 ? `${id}-${current}` : undefined}
        autocomplete="off"
        spellcheck={false}
        placeholder={placeholder}
        value={typed}
        onInput={({ currentTarget }) => {
          setTyped(currentTarget.value);
          setActive(0);
          setOpen(true);
        }}
        onFocus={() => setOpen(true)}
        onClick={() => setOpen(true)}
        onBlur={() => setOpen(false)}
        onKeyDown={onKeyDown}
      />
      <div ref={list} id={`${id}-list`} class="picker-list" role="listbox" aria-label={label} hidden={!open}>
        {shown.map((concept, i) => (
          // biome-ignore lint/a11y/useKeyWithClickEvents: the combobox has the focus and the keys
          <div
            key={concept.name}
            id={`${id}-${i}`}
            role="option"
            tabIndex={-1}
            aria-selected={i === current}
            class="picker-option"
            // The field keeps the focus.
            onMouseDown={(event) => event.preventDefault()}
            onMouseMove={() => i !== current && setActive(i)}
            onClick={() => pick(concept.name)}
          >
            <span class="picker-name">
              {concept.name}
              {concept.weak && <span class="chip chip-warn">weak</span>}
            </span>
            <span class="picker-prefix">{concept.prefix}</span>
          </div>
        ))}
        {shown.length === 0 && <p class="picker-none">No concept like that.</p>}
        {found.length > shown.length && (
          <p class="picker-none">… and {found.length - shown.length} more: type to find them.</p>
        )}
      </div>
    </div>
  );
}
