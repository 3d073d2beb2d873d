/**
 * The turns of the chat. Each has a plain and a steered answer out of one request; the conversation goes on with one of the two, the
 * steered one unless somebody chooses.
 */
import { computed, signal } from '@preact/signals';
import type { ChatCompletionChunk } from '../../schemas/chat.js';
import { stream } from '../api/client.js';
import { inWords, isAbort } from '../api/errors.js';
import { announce } from '../parts/live.js';
import { model } from '../state/library.js';
import { Answer, type Monitored } from './answer.js';
import { type ChatBody, chatBody, type Message } from './request.js';
import { change, setUp } from './set-up.js';

export interface Turn {
  readonly id: number;
  readonly question: string;
  readonly request: ChatBody;
  /** The plain one, and the steered one where something steers. */
  readonly answers: readonly Answer[];
  /** Index of the answer that the conversation goes on with. */
  readonly kept: number;
  readonly monitored: readonly Monitored[];
  readonly error: string | null;
  /** Seconds from the request to the end. */
  readonly seconds: number | null;
  /** The set-up that it was asked with, as text. */
  readonly asked: string;
}

export const turns = signal<readonly Turn[]>([]);
/** What is typed and not yet sent. */
export const draft = signal('');

const running = signal<AbortController | null>(null);
export const isRunning = computed(() => running.value !== null);

let count = 0;

const changeTurn = (id: number, part: Partial<Turn>): void => {
  turns.value = turns.peek().map((turn) => (turn.id === id ? { ...turn, ...part } : turn));
};

const history = (before: readonly Turn[]): Message[] =>
  before.flatMap(({ question, answers, kept }): Message[] => [
    { role: 'user', content: question },
    { role: 'assistant', content: answers[kept]?.text ?? '' },
  ]);

/** The set-up without what another draw changes. */
const fingerprint = (): string => JSON.stringify({ ...setUp.peek(), seed: 0 });

/** Asks; resolves when the answers have ended. What fails is told in the turn. */
export async function ask(question: string): Promise<void> {
  const chosen = model.peek();
  if (running.peek() !== null || chosen === null) return;
  const before = turns.peek();
  const request = chatBody(setUp.peek(), chosen.id, [
    ...history(before),
    { role: 'user', content: question },
  ]);
  const answers = [new Answer(false), ...(request.steering ? [new Answer(true)] : [])];
  const id = ++count;
  const asked = fingerprint();
  turns.value = [
    ...before,
    {
      id,
      question,
      request,
      answers,
      kept: answers.length - 1,
      monitored: [],
      error: null,
      seconds: null,
      asked,
    },
  ];
  const stopping = new AbortController();
  running.value = stopping;
  const begun = performance.now();
  try {
    const body = { ...request, stream: true };
    for await (const chunk of stream<ChatCompletionChunk>('v1/chat/completions', body, {
      signal: stopping.signal,
    })) {
      if (chunk.monitor) {
        const monitored = chunk.monitor.map(({ concept, scale }) => ({ concept: concept ?? '', scale }));
        changeTurn(id, { monitored });
      }
      for (const choice of chunk.choices) answers[choice.index]?.take(choice);
    }
    for (const answer of answers) answer.end('stopped');
    announce(answers.length > 1 ? 'Both answers are there.' : 'The answer is there.');
  } catch (error) {
    for (const answer of answers) answer.end(isAbort(error) ? 'stopped' : 'failed');
    if (!isAbort(error)) changeTurn(id, { error: inWords(error) });
    announce(isAbort(error) ? 'Stopped.' : 'The request failed.');
  } finally {
    changeTurn(id, { seconds: (performance.now() - begun) / 1000 });
    running.value = null;
  }
}

export const stop = (): void => running.peek()?.abort();

/** Drops the last turn and asks its question again: with the same seed if the set-up changed since, else with the next one. */
export function again(): void {
  const last = turns.peek().at(-1);
  if (last === undefined || running.peek() !== null) return;
  if (last.asked === fingerprint()) change({ seed: last.request.seed + 1 });
  turns.value = turns.peek().slice(0, -1);
  void ask(last.question);
}

export const keep = (id: number, index: number): void => changeTurn(id, { kept: index });

export function clear(): void {
  stop();
  turns.value = [];
}
