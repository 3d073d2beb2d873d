/**
 * A conversation of six turns, as a client without a memory sends it: every turn has the whole conversation so far. What
 * counts is the time to the first token, which should not grow with it. Servers take turns, so that a slow minute hits
 * all of them, and no two conversations begin alike.
 */
import { median } from './measure.js';
import type { Ratio, Row } from './report.js';

/** A server that is asked for chat completions as OpenAI's is. */
export interface TurnServer {
  readonly name: string;
  readonly url: string;
  readonly model: string;
  /** Further fields of each turn's body, such as steering. */
  readonly more: (turn: number) => object;
}

const turns = 6;
const answerTokens = 24;
const paragraph =
  'The harbour was quiet that morning, and a single boat moved out past the breakwater with its engine humming low against the tide while gulls circled over the empty market stalls. ';

/** Milliseconds to the first token of each turn. */
async function converse({ url, model, more }: TurnServer, topic: string): Promise<number[]> {
  const messages = [{ role: 'system', content: `${topic} ${paragraph.repeat(12)}` }];
  const times: number[] = [];
  for (let turn = 0; turn < turns; turn++) {
    const question = `Turn ${turn}: tell me one more thing about the harbour. `;
    messages.push({ role: 'user', content: question + paragraph.repeat(2) });
    const body = { model, messages, max_tokens: answerTokens, temperature: 0, stream: true, ...more(turn) };
    const started = performance.now();
    const reply = await fetch(`${url}/v1/chat/completions`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify(body),
    });
    if (!reply.ok || !reply.body) throw new Error(`${url}: ${reply.status} ${await reply.text()}`);
    let text = '';
    let rest = '';
    for await (const bytes of reply.body.pipeThrough(new TextDecoderStream())) {
      const events = (rest + bytes).split('\n\n');
      rest = events.pop() ?? '';
      for (const event of events) {
        const data = event.replace(/^data: ?/, '');
        const piece = data.startsWith('{') ? JSON.parse(data).choices?.[0]?.delta?.content : undefined;
        if (!piece) continue;
        if (text === '') times.push(performance.now() - started);
        text += piece;
      }
    }
    messages.push({ role: 'assistant', content: text });
  }
  return times;
}

/** @param servers of which the first one reuses, the second one does not, and `peer`, if there is one, is another product */
export async function benchTurns(
  servers: readonly TurnServer[],
  rounds: number,
): Promise<{ rows: Row[]; ratios: Ratio[] }> {
  const times = new Map(servers.map(({ name }) => [name, [] as number[][]]));
  for (let round = 0; round < rounds; round++)
    for (const server of servers)
      times.get(server.name)?.push(await converse(server, `Story ${round} of ${server.name}.`));
  const at = (name: string, turn: number) =>
    median((times.get(name) ?? []).map((run) => run[turn] ?? Number.NaN));
  const later = (name: string) => median(Array.from({ length: turns - 1 }, (_, i) => at(name, i + 1)));
  const rows = servers.map(({ name }): Row => {
    const figures = Array.from(
      { length: turns },
      (_, turn) => [`ms at ${turn + 1}`, at(name, turn)] as const,
    );
    return { section: 'turns', case: name, streams: 1, figures: Object.fromEntries(figures) };
  });
  const [reusing, cold] = servers;
  const ratios: Ratio[] = [];
  if (reusing)
    ratios.push({
      what: 'time to first token, turn 6 / turn 2',
      value: at(reusing.name, turns - 1) / at(reusing.name, 1),
      kind: 'at most',
      bound: 1.4,
    });
  if (reusing && cold)
    ratios.push({
      what: 'time to first token at turn 6, with reuse / without',
      value: at(reusing.name, turns - 1) / at(cold.name, turns - 1),
      kind: 'at most',
      bound: 0.25,
    });
  if (reusing && times.has('peer'))
    ratios.push({
      what: 'time to first token of turns 2 to 6, reuse / peer',
      value: later(reusing.name) / later('peer'),
      kind: 'at most',
      bound: 0.5,
    });
  return { rows, ratios };
}
