/**
 * The text by which an engine learns which activations of a model are large, where it multiplies by column
 * (src/engine/load/column-form.ts): turns in the model's own chat format, prose, a list, code, and a few languages. What
 * is large depends on the model far more than on the text. To change it changes the last digits of every answer.
 */
import type { ChatMessage, ChatTemplate } from '../../text/chat-template.js';
import type { Tokenizer } from '../../text/tokenizer.js';

const turns: readonly ChatMessage[] = [
  { role: 'user', content: 'What did you do on the island last summer?' },
  {
    role: 'assistant',
    content:
      'We rented a small boat and rowed from bay to bay. In the evenings we cooked fish over a fire, played cards, and talked until the stars were out. I had never slept so well!',
  },
];

const prose = `

The bridge was finished in 1894, after eleven years of work. It carries two railway tracks and a footpath across the river, 46 metres above the water; some 3,200 people walk over it on an ordinary day.

1. Wash the lentils and let them soak for an hour.
2. Chop an onion, two carrots and a stalk of celery.

\`\`\`python
def average(values):
    return sum(values) / len(values) if values else 0.0
\`\`\`

Der Zug nach Hamburg fährt heute von Gleis sieben. Le marché ouvre à huit heures du matin. ¿Dónde está la biblioteca? 今天天气很好。`;

/**
 * Token ids of the text, as a conversation where the model has a chat template that takes one and writes the same every
 * day.
 */
export function calibrationTokens(tokenizer: Tokenizer, template: ChatTemplate | null): number[] {
  const asText = turns.map(({ content }) => content).join('\n\n');
  let chat: string | null = null;
  try {
    if (template && !template.readsClock) chat = template.render(turns, { addGenerationPrompt: false });
  } catch {
    // A template that refuses a plain conversation: its text does as well.
  }
  return tokenizer.encode((chat ?? asText) + prose, { addSpecialTokens: chat === null });
}
