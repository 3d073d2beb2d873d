/** What the clients of the load test ask: steered and not, streaming and not, chat and text, in a fixed mix. */
import type { Request } from 'autocannon';

/** The key of all clients, so that the log can say whose each request was. */
export const apiKey = 'the-key-of-the-load-test';
export const authorized = { authorization: `Bearer ${apiKey}` };
export const jsonHeaders = { ...authorized, 'content-type': 'application/json' };

const questions = [
  'Tell me about your morning.',
  'What is a good meal?',
  'Describe a house by the sea.',
  'How do you learn a language?',
  'Write about a walk in the rain.',
];
const steerings = [
  {},
  { concept: 'pirate', strength: 0.8 },
  {
    steering: [
      { concept: 'ocean', strength: 0.5 },
      { concept: 'sad', strength: 0.3 },
    ],
  },
  {},
  { steering: { concept: 'space', operation: 'ablate', scale: 'raw' } },
];

export interface LoadRequest {
  readonly path: string;
  readonly body: Readonly<Record<string, unknown>> & { readonly stream: boolean };
}

/** Request number `i` of the mix. */
export function loadRequest(i: number): LoadRequest {
  const common = {
    max_tokens: 8 + ((i * 7) % 25),
    temperature: i % 2,
    seed: i,
    stream: i % 3 !== 0,
    ...steerings[i % steerings.length],
  };
  const question = questions[i % questions.length] ?? '';
  return i % 4 === 3
    ? { path: '/v1/completions', body: { ...common, prompt: question, n: 2 } }
    : { path: '/v1/chat/completions', body: { ...common, messages: [{ role: 'user', content: question }] } };
}

/** The mix as autocannon sends it; `onAnswer` hears of each answer. */
export function autocannonRequests(
  count: number,
  onAnswer: (request: LoadRequest, status: number, body: string) => void,
): Request[] {
  return Array.from({ length: count }, (_, i) => {
    const request = loadRequest(i);
    return {
      method: 'POST',
      path: request.path,
      headers: jsonHeaders,
      body: JSON.stringify(request.body),
      onResponse: (status: number, body: string) => onAnswer(request, status, body),
    };
  });
}

/** Why an answer is not what it should be; null when it is. 429 is how a full server is meant to answer. */
export function faultOf({ body }: LoadRequest, status: number, text: string): string | null {
  if (status === 429) return null;
  if (status !== 200) return `status ${status}: ${text.slice(0, 200)}`;
  if (body.stream && !text.endsWith('data: [DONE]\n\n'))
    return `a stream without an end: ${text.slice(-200)}`;
  if (!body.stream && !text.includes('"usage"')) return `no usage: ${text.slice(0, 200)}`;
  return null;
}
