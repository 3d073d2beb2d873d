/**
 * A slider for a concept's strength: negative to the left of a mark at 0, a mark at 1 (strong and still fluent) and one at max, the
 * largest strength at which answers were found fluent. Beside it a field for the number itself.
 */
import { useId } from 'preact/hooks';

interface StrengthSliderProps {
  /** What a screen reader calls it, such as "Strength of pirate". */
  readonly label: string;
  readonly value: number;
  readonly onChange: (value: number) => void;
  /** The concept's `max_strength`, if it was measured. */
  readonly max?: number | undefined;
  /** Ends of the slider; the number beside it may go beyond. */
  readonly from?: number;
  readonly to?: number;
  readonly step?: number;
}

/** Largest |strength| that the API takes in calibrated units. */
const limit = 100;

export const strengthText = (value: number): string =>
  `${value < 0 ? '\u2212' : ''}${Number(Math.abs(value).toFixed(3))}`;

export function StrengthSlider(props: StrengthSliderProps) {
  const { label, value, onChange, max, from = -2, to = 2, step = 0.05 } = props;
  const id = useId();
  const at = (strength: number) => (Math.min(to, Math.max(from, strength)) - from) / (to - from);
  const zero = Math.max(0, at(0));
  const here = at(value);
  const over = max !== undefined && value > max;
  const marks = [
    { at: 0, text: '0' },
    { at: 1, text: '1' },
    ...(max !== undefined && max > from && max < to ? [{ at: max, text: 'max' }] : []),
  ].filter((mark) => mark.at >= from && mark.at <= to);
  const near = max !== undefined && Math.abs(max - 1) < (to - from) * 0.09;
  return (
    <div class={over ? 'strength strength-over' : 'strength'}>
      <div class="strength-track">
        <span
          class={value < 0 ? 'strength-fill strength-fill-away' : 'strength-fill'}
          style={{ left: `${100 * Math.min(zero, here)}%`, width: `${100 * Math.abs(here - zero)}%` }}
        />
        <input
          type="range"
          aria-label={label}
          aria-valuetext={`${strengthText(value)}${over ? ', above max' : ''}`}
          min={from}
          max={to}
          step={step}
          value={Math.min(to, Math.max(from, value))}
          onInput={({ currentTarget }) => onChange(currentTarget.valueAsNumber)}
        />
        <div class="strength-marks" aria-hidden="true">
          {marks.map(({ at: strength, text }) => (
            <span
              key={text}
              class={`strength-mark${text === 'max' ? ' strength-mark-max' : ''}${near && text === '1' ? ' strength-mark-bare' : ''}`}
              style={{ left: `${100 * at(strength)}%` }}
            >
              {near && text === 'max' ? '1 · max' : text}
            </span>
          ))}
        </div>
      </div>
      <label class="hidden-visually" for={id}>
        {label}, as a number
      </label>
      <input
        id={id}
        class="strength-number number"
        type="number"
        step={step}
        min={-limit}
        max={limit}
        value={value}
        onChange={({ currentTarget }) => {
          const typed = currentTarget.valueAsNumber;
          if (Number.isFinite(typed)) onChange(Math.min(limit, Math.max(-limit, typed)));
          else currentTarget.value = String(value);
        }}
      />
    </div>
  );
}
