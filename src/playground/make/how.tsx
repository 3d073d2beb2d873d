/** How a fit is made: recipe, method, calibration, seed. As it is, the server chooses. */
import type { Options } from './fit.js';

interface HowProps {
  readonly options: Options;
  readonly onChange: (options: Options) => void;
  /** Pairs have a recipe of their own. */
  readonly withRecipe: boolean;
}

const recipes = [
  ['', 'several, and the best is kept'],
  ['responses', 'responses: read while it answers as told'],
  ['texts', 'texts: read texts that it writes about it'],
  ['attention', 'attention: read where it attends most, as in the paper'],
] as const;

const methods = [
  ['', 'the usual one'],
  ['mean_difference', 'mean difference'],
  ['rfm', 'recursive feature machine'],
  ['logistic', 'logistic regression'],
  ['linear', 'ridge regression'],
  ['pca', 'principal component'],
] as const;

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
          <label class="field how-recipe">
            <span>Recipe</span>
            <select
              value={recipe}
              onChange={({ currentTarget }) => onChange(chosen(currentTarget.value, method))}
            >
              {recipes.map(([id, text]) => (
                <option key={id} value={id}>
                  {text}
                </option>
              ))}
            </select>
          </label>
        )}
        <label class="field">
          <span>Method</span>
          <select
            value={method}
            onChange={({ currentTarget }) => onChange(chosen(recipe, currentTarget.value))}
          >
            {methods.map(([id, text]) => (
              <option key={id} value={id}>
                {text}
              </option>
            ))}
          </select>
        </label>
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
