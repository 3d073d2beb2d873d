/** An answer as Ollama's API tells it, whole and in lines. */
import type { OllamaChatReply, OllamaGenerateReply } from '../schemas/ollama.js';
import { argumentsObject } from './call-values.js';
import { receiptFields } from './common-reply.js';
import type { Generation } from './generate.js';
import type { CompletionPlan } from './plan.js';
import { chatChunks, textChunks } from './reply-chunks.js';

type Reply = OllamaChatReply | OllamaGenerateReply;
type Call = NonNullable<OllamaChatReply['message']['tool_calls']>[number];

/** What an answer says next, whichever endpoint makes it. */
interface Said {
  readonly text: string;
  readonly thinking: string;
  readonly calls: readonly {
    readonly index: number;
    readonly name?: string | undefined;
    readonly args: string;
  }[];
  readonly finish: string | null;
  readonly tokens: number | null;
}

/** Nanoseconds. */
const elapsed = (since: number) => Math.round((performance.now() - since) * 1e6);

/** How a reply has what it says. */
const bodies = {
  chat: (text: string, thinking: string, calls: readonly Call[]): Pick<OllamaChatReply, 'message'> => ({
    message: {
      role: 'assistant',
      content: text,
      ...(thinking !== '' && { thinking }),
      ...(calls.length > 0 && { tool_calls: [...calls] }),
    },
  }),
  generate: (text: string, thinking: string): Pick<OllamaGenerateReply, 'response' | 'thinking'> => ({
    response: text,
    ...(thinking !== '' && { thinking }),
  }),
} as const;

export type OllamaKind = keyof typeof bodies;

/** The lines of a stream; calls come whole, in the line before the last. */
export async function* ollamaLines(
  kind: OllamaKind,
  plan: CompletionPlan,
  generation: Generation,
): AsyncGenerator<string> {
  for await (const reply of replies(kind, plan, generation)) yield `${JSON.stringify(reply)}\n`;
}

/** A line that adds nothing to the answer: it keeps a connection open. */
export const emptyLine = (kind: OllamaKind, plan: CompletionPlan): string =>
  `${JSON.stringify({ ...headOf(plan), ...bodies[kind]('', '', []), done: false })}\n`;

const headOf = (plan: CompletionPlan) => ({
  model: plan.modelName,
  created_at: new Date().toISOString(),
});

/** The same as one object. */
export async function ollamaReply<Kind extends OllamaKind>(
  kind: Kind,
  plan: CompletionPlan,
  generation: Generation,
): Promise<Kind extends 'chat' ? OllamaChatReply : OllamaGenerateReply> {
  let text = '';
  let thinking = '';
  const calls: Call[] = [];
  let last: Reply | undefined;
  for await (const reply of replies(kind, plan, generation)) {
    last = reply;
    if ('message' in reply) {
      text += reply.message.content;
      thinking += reply.message.thinking ?? '';
      calls.push(...(reply.message.tool_calls ?? []));
    } else {
      text += reply.response;
      thinking += reply.thinking ?? '';
    }
  }
  return { ...last, ...bodies[kind](text, thinking, calls) } as Kind extends 'chat'
    ? OllamaChatReply
    : OllamaGenerateReply;
}

/** A model that was only to be loaded. */
export const loadedReply = <Kind extends OllamaKind>(kind: Kind, model: string) => ({
  model,
  created_at: new Date().toISOString(),
  ...bodies[kind]('', '', []),
  done: true,
  done_reason: 'load' as const,
});

async function* replies(
  kind: OllamaKind,
  plan: CompletionPlan,
  generation: Generation,
): AsyncGenerator<Reply> {
  const started = performance.now();
  const line = (text: string, thinking: string, calls: readonly Call[], rest: object): Reply =>
    ({ ...headOf(plan), ...bodies[kind](text, thinking, calls), ...rest }) as Reply;
  const calls = new Map<number, { name: string; args: string }>();
  let finish = 'stop';
  let tokens = 0;
  let firstAt: number | null = null;
  for await (const said of saidBy(plan, generation)) {
    if (said.text !== '' || said.thinking !== '' || said.calls.length > 0) firstAt ??= elapsed(started);
    for (const { index, name, args } of said.calls) {
      const call = calls.get(index) ?? { name: '', args: '' };
      calls.set(index, { name: call.name + (name ?? ''), args: call.args + args });
    }
    finish = said.finish ?? finish;
    tokens = said.tokens ?? tokens;
    if (said.text !== '' || said.thinking !== '') yield line(said.text, said.thinking, [], { done: false });
  }
  const whole = [...calls.values()].flatMap(callOf);
  if (whole.length > 0) yield line('', '', whole, { done: false });
  const total = elapsed(started);
  const prefill = firstAt ?? total;
  yield line('', '', [], {
    done: true,
    done_reason: finish === 'length' ? 'length' : 'stop',
    total_duration: total,
    load_duration: 0,
    prompt_eval_count: plan.promptTokens,
    prompt_eval_duration: prefill,
    eval_count: tokens,
    eval_duration: total - prefill,
    ...receiptFields(plan),
  });
}

/** A call that was cut, whose arguments are no JSON of an object, is none. */
function callOf({ name, args }: { readonly name: string; readonly args: string }): Call[] {
  const read = argumentsObject(args);
  return read === null ? [] : [{ function: { name, arguments: read } }];
}

async function* saidBy(plan: CompletionPlan, generation: Generation): AsyncGenerator<Said> {
  const nothing = { text: '', thinking: '', calls: [], finish: null, tokens: null };
  if (plan.request.prompt.kind === 'text') {
    for await (const chunks of textChunks(plan, generation))
      for (const { choices, usage } of chunks) {
        for (const { text, finish_reason: finish } of choices) yield { ...nothing, text, finish };
        if (usage) yield { ...nothing, tokens: usage.completion_tokens };
      }
    return;
  }
  for await (const chunks of chatChunks(plan, generation))
    for (const { choices, usage } of chunks) {
      for (const { delta, finish_reason: finish } of choices) {
        yield {
          ...nothing,
          text: delta.content ?? '',
          thinking: delta.reasoning_content ?? '',
          calls: (delta.tool_calls ?? []).map(({ index, function: { name, arguments: args } }) => ({
            index,
            name,
            args,
          })),
          finish,
        };
      }
      if (usage) yield { ...nothing, tokens: usage.completion_tokens };
    }
}
