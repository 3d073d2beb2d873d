/** How a fit is made: recipe, method, calibration, seed. As it is, the server chooses. */
import { SelectField } from '../parts/select-field.js';
import type { Options } from './fit.js';

interface HowProps {
  readonly options: Options;
  readonly onChange: (options: Options) => void;
  /** Pairs have a recipe of their own. */
  readonly withRecipe: boolean;
}

const recipes: readonly (readonly [string, string])[] = [
  ['', 'several, and the best is kept'],
  ['responses', 'responses: read while it answers as told'],
  ['texts', 'texts: read texts that it writes about it'],
  ['attention', 'attention: read where it attends most, as in the paper'],
];

const methods: readonly (readonly [string, string])[] = [
  ['', 'the usual one'],
  ['mean_difference', 'mean difference'],
  ['rfm', 'recursive feature machine'],
  ['logistic', 'logistic regression'],
  ['linear', 'ridge regression'],
  ['pca', 'principal component'],
];

export function How({ options, onChange, withRecipe }: HowProps) {
  const { recipe = '', method = '', calibrate, seed } = options;
  const rest = { calibrate, seed };
  const chosen = (nextRecipe: string, nextMethod: string): Options => ({
    ...rest,
    ...(nextRecipe === '' ? {} : { recipe: nextRecipe }),
    ...(nextMethod === '' ? {} : { method: nextMethod }),
  });
  return (
    <details class="how">
      <summary>How it is made</summary>
      <div class="how-fields">
        {withRecipe && (
          <SelectField
            label="Recipe"
            class="how-recipe"
            value={recipe}
            options={recipes}
            onChoose={(id) => onChange(chosen(id, method))}
          />
        )}
        <SelectField
          label="Method"
          value={method}
          options={methods}
          onChoose={(id) => onChange(chosen(recipe, id))}
        />
        <label class="field">
          <span>Seed</span>
          <input
            type="number"
            class="number"
            min={0}
            max={4_294_967_295}
            value={seed}
            onChange={({ currentTarget }) => {
              const typed = Math.round(currentTarget.valueAsNumber);
              if (typed >= 0 && typed <= 4_294_967_295) onChange({ ...options, seed: typed });
              else currentTarget.value = String(seed);
            }}
          />
        </label>
        <label class="check how-check">
          <input
            type="checkbox"
            checked={calibrate}
            onChange={({ currentTarget }) => onChange({ ...options, calibrate: currentTarget.checked })}
          />
          Measure what strength 1 means (about a minute more; without, a rule guesses it)
        </label>
      </div>
    </details>
  );
}
