/** What is swept: concepts, strengths and prompts. It lives in the URL; `setUpOf` and `paramsOf` are each other's inverse. */
import { signal } from '@preact/signals';

export interface SweepSetUp {
  readonly concepts: readonly string[];
  /** As typed: numbers with commas or spaces between. */
  readonly strengths: string;
  /** As typed: a prompt a line. */
  readonly prompts: string;
  readonly maxTokens: number;
}

export const usual: SweepSetUp = {
  concepts: [],
  strengths: '0, 0.5, 1, 1.5',
  prompts: 'What did you do this weekend?\nDescribe your morning.',
  maxTokens: 40,
};

/** What the API takes at most in one sweep. */
export const limits = { concepts: 16, strengths: 32, prompts: 64, strength: 100, tokens: 512 } as const;

export const setUp = signal<SweepSetUp>(usual);

export const change = (part: Partial<SweepSetUp>): void => {
  setUp.value = { ...setUp.peek(), ...part };
};

export interface Strengths {
  /** Ascending, none twice, always with 0: what the others are compared with. */
  readonly numbers: readonly number[];
  /** What is no strength, as it was typed. */
  readonly wrong: readonly string[];
}

export function strengthsOf(typed: string): Strengths {
  const parts = typed
    .replaceAll('\u2212', '-')
    .split(/[\s,;]+/)
    .filter((part) => part !== '');
  const isOne = (part: string) =>
    /^[-+]?(\d+\.?\d*|\.\d+)$/.test(part) && Math.abs(Number(part)) <= limits.strength;
  const numbers = new Set([0, ...parts.filter(isOne).map(Number)]);
  return { numbers: [...numbers].sort((a, b) => a - b), wrong: parts.filter((part) => !isOne(part)) };
}

export const promptsOf = (typed: string): readonly string[] =>
  typed
    .split('\n')
    .map((line) => line.trim())
    .filter((line) => line !== '');

export function setUpOf(params: URLSearchParams): SweepSetUp {
  const tokens = Number(params.get('tokens') ?? Number.NaN);
  const prompts = params.getAll('prompt');
  return {
    concepts: params.getAll('concept').slice(0, limits.concepts),
    strengths: params.get('strengths') ?? usual.strengths,
    prompts: prompts.length > 0 ? prompts.join('\n') : usual.prompts,
    maxTokens: tokens >= 1 && tokens <= limits.tokens ? Math.round(tokens) : usual.maxTokens,
  };
}

/** Only what is not as usual. */
export function paramsOf({ concepts, strengths, prompts, maxTokens }: SweepSetUp): URLSearchParams {
  const params = new URLSearchParams();
  for (const name of concepts) params.append('concept', name);
  if (strengths !== usual.strengths) params.set('strengths', strengths);
  if (prompts !== usual.prompts) for (const prompt of promptsOf(prompts)) params.append('prompt', prompt);
  if (maxTokens !== usual.maxTokens) params.set('tokens', String(maxTokens));
  return params;
}
