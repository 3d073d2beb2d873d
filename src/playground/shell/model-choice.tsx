/** Which model the views work with. One model alone is only named. */
import { chooseModel, model, models } from '../state/library.js';

export function ModelChoice() {
  const chosen = model.value;
  if (chosen === null) return null;
  if (models.value.length === 1) {
    return (
      <span class="model-name" title={`Model: ${chosen.id}`}>
        {chosen.id}
      </span>
    );
  }
  return (
    <label class="model-choice">
      <span class="hidden-visually">Model</span>
      <select value={chosen.id} onChange={({ currentTarget }) => chooseModel(currentTarget.value)}>
        {models.value.map(({ id }) => (
          <option key={id} value={id}>
            {id}
          </option>
        ))}
      </select>
    </label>
  );
}
