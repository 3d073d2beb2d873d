/** One concept of the set-up: its strength, what to know about it, and behind "more" how and where it acts. */
import type { SteeringOperation, SteeringPositions } from '../../schemas/steering.js';
import { Icon } from '../parts/icon.js';
import { SelectField } from '../parts/select-field.js';
import { StrengthSlider, strengthText } from '../parts/slider.js';
import { conceptNamed, libraryState, model } from '../state/library.js';
import { changeConcept, removeConcept, type SteeredConcept, strengthRange } from './set-up.js';
import { layersText, positionsText } from './where.js';

const operations: readonly (readonly [SteeringOperation, string])[] = [
  ['add', 'add: push towards it'],
  ['clamp', 'clamp: hold it at a value'],
  ['ablate', 'ablate: take it out'],
  ['amplify', 'amplify: multiply what is there'],
];

const layerChoices: readonly (readonly [string, string])[] = [
  ['default', 'as calibrated'],
  ['all', 'every one'],
  ['range', 'from … to …'],
  ['top', 'the best few'],
];

const positionChoices: readonly (readonly [string, string])[] = [
  ['all', 'everywhere'],
  ['prompt', 'the prompt'],
  ['generated', 'the answer'],
  ['last', 'the answer and the prompt’s last …'],
];

export function ConceptRow({ concept }: { readonly concept: SteeredConcept }) {
  const { name, strength, operation } = concept;
  const known = conceptNamed(name);
  const { from, to } = strengthRange[operation];
  const max = operation === 'add' || operation === 'clamp' ? known?.max_strength : undefined;
  return (
    <li class="concept">
      <div class="row row-apart concept-head">
        <strong title={known?.prefix}>{name}</strong>
        <button type="button" class="icon" aria-label={`Remove ${name}`} onClick={() => removeConcept(name)}>
          <Icon name="close" />
        </button>
      </div>
      <StrengthSlider
        label={`Strength of ${name}`}
        value={strength}
        from={from}
        to={to}
        max={max}
        onChange={(value) => changeConcept(name, { strength: value })}
      />
      <Warnings name={name} strength={strength} max={max} />
      <details class="more">
        <summary>more</summary>
        <More concept={concept} />
      </details>
    </li>
  );
}

interface WarningsProps {
  readonly name: string;
  readonly strength: number;
  readonly max: number | undefined;
}

function Warnings({ name, strength, max }: WarningsProps) {
  const known = conceptNamed(name);
  if (known === undefined) {
    if (libraryState.value !== 'ready') return null;
    return <p class="concept-warning">This model has no concept of that name.</p>;
  }
  return (
    <>
      {known.weak && <p class="concept-warning">Weak: strength 1 shows little of it in this model.</p>}
      {max !== undefined && strength > max && (
        <p class="concept-warning">
          Above max, {strengthText(Number(max.toFixed(2)))}: answers were found to lose their fluency there.
        </p>
      )}
    </>
  );
}

/** What the select shows of a value that may have numbers in it. */
const kindOf = (text: string): string => text.replace(/-.*$/, '').replace(/^\d.*$/, 'range');

function More({ concept }: { readonly concept: SteeredConcept }) {
  const { name, operation, layers, positions } = concept;
  const blocks = (model.value?.layers ?? 1) - 1;
  const layersKind = kindOf(layersText(layers));
  const positionsKind = kindOf(positionsText(positions));
  const range = typeof layers === 'object' && 'from' in layers ? layers : { from: 0, to: blocks };
  const top = typeof layers === 'object' && 'top' in layers ? layers.top : 8;
  const last = typeof positions === 'object' && 'last' in positions ? positions.last : 1;
  return (
    <div class="stack more-fields">
      <SelectField
        label="Operation"
        value={operation}
        options={operations}
        onChoose={(chosen) =>
          changeConcept(name, { operation: chosen, strength: strengthRange[chosen].first })
        }
      />
      <SelectField
        label="Layers"
        value={layersKind}
        options={layerChoices}
        onChoose={(kind) =>
          changeConcept(name, {
            layers: kind === 'top' ? { top } : kind === 'range' ? range : kind === 'all' ? 'all' : 'default',
          })
        }
      />
      {layersKind === 'range' && !Array.isArray(layers) && (
        <div class="row">
          <NumberField
            label="From layer"
            value={range.from}
            least={0}
            most={range.to}
            onChange={(value) => changeConcept(name, { layers: { ...range, from: value } })}
          />
          <NumberField
            label="To layer"
            value={range.to}
            least={range.from}
            most={blocks}
            onChange={(value) => changeConcept(name, { layers: { ...range, to: value } })}
          />
        </div>
      )}
      {layersKind === 'top' && (
        <NumberField
          label="How many"
          value={top}
          least={1}
          most={blocks + 1}
          onChange={(value) => changeConcept(name, { layers: { top: value } })}
        />
      )}
      <SelectField
        label="Positions"
        value={positionsKind}
        options={[
          ...positionChoices,
          ...(positionsKind === 'range' ? [['range', positionsText(positions)] as const] : []),
        ]}
        onChoose={(kind) =>
          changeConcept(name, { positions: kind === 'last' ? { last } : (kind as SteeringPositions) })
        }
      />
      {positionsKind === 'last' && (
        <NumberField
          label="Tokens of the prompt"
          value={last}
          least={1}
          most={100_000}
          onChange={(value) => changeConcept(name, { positions: { last: value } })}
        />
      )}
    </div>
  );
}

interface NumberFieldProps {
  readonly label: string;
  readonly value: number;
  readonly least: number;
  readonly most: number;
  readonly step?: number;
  readonly onChange: (value: number) => void;
}

export function NumberField({ label, value, least, most, step = 1, onChange }: NumberFieldProps) {
  return (
    <label class="field field-number">
      <span>{label}</span>
      <input
        type="number"
        class="number"
        min={least}
        max={most}
        step={step}
        value={value}
        onChange={({ currentTarget }) => {
          const typed = currentTarget.valueAsNumber;
          const whole = step >= 1 ? Math.round(typed) : typed;
          if (Number.isFinite(typed)) onChange(Math.min(most, Math.max(least, whole)));
          else currentTarget.value = String(value);
        }}
      />
    </label>
  );
}
