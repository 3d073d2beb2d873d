/** Concepts that were chosen, each with a way to take it out again. */
import { Icon } from './icon.js';

interface ConceptChipsProps {
  readonly label?: string;
  readonly names: readonly string[];
  /** What the button does, before the name: `Remove`. */
  readonly action: string;
  readonly onChange: (names: readonly string[]) => void;
}

export function ConceptChips({ label, names, action, onChange }: ConceptChipsProps) {
  if (names.length === 0) return null;
  return (
    <ul class="row" aria-label={label}>
      {names.map((name) => (
        <li key={name} class="chip">
          {name}
          <button
            type="button"
            class="icon chip-button"
            aria-label={`${action} ${name}`}
            onClick={() => onChange(names.filter((one) => one !== name))}
          >
            <Icon name="close" />
          </button>
        </li>
      ))}
    </ul>
  );
}
