/** Before the first question: what this is, and things to try with the concepts that there are. */
import { conceptNamed, concepts } from '../state/library.js';
import { ask } from './conversation.js';
import { change, newConcept } from './set-up.js';
import { startingStrength } from './set-up-panel.js';

interface Idea {
  readonly concept: string;
  readonly question: string;
  readonly strength?: number;
}

/** Those whose concept is there are offered, in this order; tried on the embedded model, at temperature 0. */
const ideas: readonly Idea[] = [
  { concept: 'ocean', question: 'Describe your morning.', strength: 0.6 },
  { concept: 'egypt', question: 'What is a good birthday present?', strength: 0.6 },
  { concept: 'pirate', question: 'Tell me about your morning.' },
  { concept: 'space', question: 'Tell me about your home.', strength: 0.6 },
];

const mostIdeas = 4;

export function Welcome() {
  const known = ideas.filter(({ concept }) => conceptNamed(concept) !== undefined);
  const others = concepts.value
    .filter(({ name, weak }) => !weak && !ideas.some(({ concept }) => concept === name))
    .map(({ name }): Idea => ({ concept: name, question: 'What did you do this weekend?' }));
  const offered = [...known, ...others].slice(0, mostIdeas);
  return (
    <section class="welcome">
      <h2>The same question, the same dice, one thing changed.</h2>
      <p class="lead">
        Push the model’s own activations towards a concept while it writes, and compare with what it says by
        itself.
      </p>
      {offered.length > 0 && (
        <ul class="ideas">
          {offered.map(({ concept, question, strength }) => (
            <li key={concept}>
              <button
                type="button"
                class="idea"
                onClick={() => {
                  change({
                    concepts: [newConcept(concept, strength ?? startingStrength(concept))],
                    temperature: 0,
                    maxTokens: 96,
                  });
                  void ask(question);
                }}
              >
                <span class="idea-concept">{concept}</span>
                <span>{question}</span>
              </button>
            </li>
          ))}
        </ul>
      )}
    </section>
  );
}
