/** `steerd serve`: runs the server until a signal stops it. */
import type { Command } from 'commander';
import type { KeySummary } from '../access/key-store.js';
import { isLoopback } from '../access/loopback.js';
import { createLog } from '../common/log.js';
import { packageVersion } from '../common/package.js';
import { type Settings, settingNames } from '../config.js';
import type { RunningServer } from '../server/server.js';
import { shownPlace } from './data-place.js';
import { sayWrapped } from './output.js';
import { outliveReaders } from './readers.js';
import { addSettings } from './settings-options.js';

export function register(program: Command): void {
  const command = program.command('serve').description('answer HTTP requests with a steered model');
  const settingsOf = addSettings(command, settingNames);
  command.action((options: Readonly<Record<string, unknown>>) => run(settingsOf(options)));
}

async function run(settings: Settings): Promise<void> {
  // Here and not above: no other command waits for them.
  const [{ openServices }, { startServer }] = await Promise.all([
    import('../server/open-services.js'),
    import('../server/server.js'),
  ]);
  const log = createLog(settings.logLevel);
  const server = await startServer(settings, openServices, log);
  stopOnSignals(server);
  process.stdout.write(`steerd ${packageVersion} listens on ${server.url}; loading ${settings.model}\n`);
  for (const note of startNotes(settings, server.services.access?.keys.summary)) sayWrapped(note);
  try {
    await server.services.loaded;
  } catch (error) {
    await server.stop();
    throw error;
  }
  process.stdout.write(`${(await readyNotes(server, settings.model)).join('\n')}\n`);
}

/** What an operator must not miss: where data is, and who is let in. */
export function startNotes({ dataDirectory, host }: Settings, keys: KeySummary | undefined): string[] {
  const notes = [`data directory: ${shownPlace(dataDirectory)}`];
  if (keys === undefined) return notes;
  const { file, inFile, inDatabase, fromEnvironment } = keys;
  const counted = (count: number | null | undefined, place: string) =>
    count ? `${count} ${count === 1 ? 'key' : 'keys'} in ${place}` : null;
  const also = fromEnvironment ? 'STEERD_API_KEY' : null;
  const shared = counted(inDatabase, 'the database');
  if (inFile !== null || shared !== null) {
    const own = inFile === null ? null : (counted(inFile, file) ?? `0 keys in ${file}`);
    notes.push(`API keys: ${[also, shared, own].filter(Boolean).join(' and ')}`);
  } else if (also !== null) notes.push(`API keys: ${also}; there is no ${file}`);
  else {
    const who = isLoopback(host)
      ? 'every program on this machine is let in'
      : 'whoever reaches the port is let in';
    notes.push(`API keys: none, ${who}; there is no ${file}`);
  }
  return notes;
}

/** What to open and what to type. */
export async function readyNotes(
  server: Pick<RunningServer, 'url' | 'services'>,
  model: string,
): Promise<string[]> {
  const concept = await tellingConcept(server.services.concepts, model);
  return [
    `ready: open ${server.url}/ in a browser, or type`,
    `  npx steerd chat${concept === undefined ? '' : ` --concept ${concept}:${conversational}`}`,
    `  ${await exampleRequest(server, model)}`,
  ];
}

/**
 * Of those that ship, what a reader sees at once; the first reads well however the processor rounds, `egypt` loops at strength 1 on
 * some. Pirates and horrors of so small a model need a second look.
 */
const plainToSee = ['winter', 'egypt', 'ocean'];

/** An example is not worth reading thousands of concepts for. */
const mostLookedAt = 50;

/** Over several turns, and sampled, less than strength 1 reads better. */
const conversational = 0.7;

/** A concept to begin with: one that is plain to see, else the one whose calibration found the best balance, else any. */
export async function tellingConcept(
  concepts: Pick<RunningServer['services']['concepts'], 'load' | 'names'>,
  model: string,
): Promise<string | undefined> {
  const names = concepts.names(model);
  const plain = plainToSee.find((name) => names.includes(name));
  if (plain !== undefined) return plain;
  const measured: { name: string; harmonic: number }[] = [];
  for (const name of names.slice(0, mostLookedAt)) {
    const stored = await concepts.load(model, name).catch(() => undefined);
    const { harmonic } = (stored?.concept.calibration.details.scores ?? {}) as { harmonic?: unknown };
    if (typeof harmonic === 'number') measured.push({ name, harmonic });
  }
  const [best] = measured.sort((a, b) => b.harmonic - a.harmonic);
  return best?.name ?? names[0];
}

/** A curl command to try the server with: steered by one of the model's concepts, a chat if it has a chat template. */
export async function exampleRequest(
  { url, services }: Pick<RunningServer, 'url' | 'services'>,
  model: string,
): Promise<string> {
  const concept = await tellingConcept(services.concepts, model);
  const loaded = services.models.loaded().find((other) => other.model.id === model);
  const chats = loaded?.model.chatTemplate !== null;
  const body = JSON.stringify({
    ...(chats
      ? { messages: [{ role: 'user', content: 'Tell me about your morning.' }] }
      : { prompt: 'This morning I' }),
    ...(concept === undefined ? {} : { concept, strength: 1 }),
    temperature: 0,
    max_tokens: 60,
  });
  const quoted = `'${body.replaceAll("'", "'\\''")}'`;
  return `curl -s ${url}/v1/${chats ? 'chat/' : ''}completions -H 'content-type: application/json' -d ${quoted}`;
}

/** The first Ctrl-C or SIGTERM lets running answers finish, the second ends the process at once. */
export function stopOnSignals(server: Pick<RunningServer, 'stop'>): void {
  let stopping = false;
  outliveReaders();
  const onSignal = (signal: NodeJS.Signals) => {
    if (stopping) process.exit(signal === 'SIGINT' ? 130 : 143);
    stopping = true;
    process.stdout.write(`${signal}: finishing what runs; once more to stop at once\n`);
    server.stop().then(
      () => process.exit(0),
      (error: unknown) => {
        process.stderr.write(`stopping failed: ${error instanceof Error ? error.message : String(error)}\n`);
        process.exit(1);
      },
    );
  };
  process.on('SIGTERM', onSignal);
  process.on('SIGINT', onSignal);
}
