/** The set-up beside the conversation: concepts with their strengths, what is watched, sampling. */
import { ConceptChips } from '../parts/concept-chips.js';
import { ConceptPicker } from '../parts/concept-picker.js';
import { conceptNamed, concepts, libraryState } from '../state/library.js';
import { href } from '../state/route.js';
import { ConceptRow, NumberField } from './concept-row.js';
import { addConcept, change, mostConcepts, newConcept, setUp } from './set-up.js';

export function SetUpPanel() {
  const { concepts: chosen, watched, system, seed, temperature, maxTokens } = setUp.value;
  const none = libraryState.value === 'ready' && concepts.value.length === 0;
  return (
    <div class="stack set-up">
      <h2>Concepts</h2>
      {none ? (
        <p class="notice">
          This model has no concepts yet. <a href={href('make')}>Make one</a> from a sentence.
        </p>
      ) : (
        <>
          {chosen.length === 0 && (
            <p class="hint">Add one, and every answer comes twice: plain and steered.</p>
          )}
          <ul class="stack">
            {chosen.map((concept) => (
              <ConceptRow key={concept.name} concept={concept} />
            ))}
          </ul>
          {chosen.length < mostConcepts && (
            <ConceptPicker
              label="Add a concept to steer by"
              without={chosen.map(({ name }) => name)}
              onPick={(name) => addConcept(newConcept(name, startingStrength(name)))}
            />
          )}
        </>
      )}
      <details class="set-up-more" open={watched.length > 0 || system !== ''}>
        <summary>Watch, instructions, sampling</summary>
        <div class="stack">
          <div class="stack-tight">
            <span class="label">Watch without steering</span>
            <ConceptChips
              names={watched}
              action="Stop watching"
              onChange={(names) => change({ watched: names })}
            />
            {watched.length + chosen.length < mostConcepts && (
              <ConceptPicker
                label="Watch a concept"
                placeholder="Watch a concept"
                without={[...watched, ...chosen.map(({ name }) => name)]}
                onPick={(name) => change({ watched: [...watched, name] })}
              />
            )}
          </div>
          <label class="field">
            <span>Instructions (system message)</span>
            <textarea
              rows={2}
              value={system}
              onInput={({ currentTarget }) => change({ system: currentTarget.value })}
            />
          </label>
          <div class="fields-three">
            <NumberField
              label="Seed"
              value={seed}
              least={0}
              most={2 ** 31}
              onChange={(value) => change({ seed: value })}
            />
            <NumberField
              label="Temperature"
              value={temperature}
              least={0}
              most={2}
              step={0.1}
              onChange={(value) => change({ temperature: value })}
            />
            <NumberField
              label="Most tokens"
              value={maxTokens}
              least={1}
              most={100_000}
              onChange={(value) => change({ maxTokens: value })}
            />
          </div>
        </div>
      </details>
    </div>
  );
}

/** 1, or less where less is the most that was found fluent. */
export const startingStrength = (name: string): number => Math.min(1, conceptNamed(name)?.max_strength ?? 1);
