/** `steerd concepts sync`: brings the concepts of the data directory and of the database to the same. */
import { type Command, Option } from 'commander';
import { createLog } from '../common/log.js';
import { ConceptStore } from '../concepts/concept-store.js';
import { applySync, planSync, type SyncSide, type SyncStep, whyNot } from '../concepts/sync-concepts.js';
import { ConfigError, type Settings } from '../config.js';
import { errors } from '../errors.js';
import { sayJson, sayTable, sayWrapped } from './output.js';
import { addSettings } from './settings-options.js';
import { withDatabase } from './shared-database.js';

interface Options {
  readonly json: boolean;
  readonly to?: SyncSide;
  readonly dryRun: boolean;
  readonly force: boolean;
}

export function addSync(concepts: Command): void {
  const command = concepts
    .command('sync')
    .description('bring the concepts of the data directory and of the database (DATABASE_URL) to the same')
    .addOption(
      new Option('--to <side>', 'the only side that may change (default: both)').choices([
        'database',
        'directory',
      ]),
    )
    .option('--dry-run', 'only say what would be done', false)
    .option(
      '--force',
      'with --to: where both differ, or it was deleted there, the other side is right',
      false,
    )
    .option('--json', 'as JSON', false);
  const settingsOf = addSettings(command, ['dataDirectory', 'databaseUrl', 'maxConcepts', 'maxConceptBytes']);
  command.action((options: Options) => sync(options, settingsOf({ ...options })));
}

/** A line of the report; `problem` says why it could not be done. */
type Outcome = SyncStep & { readonly done: boolean; readonly problem: string | null };

async function sync(options: Options, settings: Settings): Promise<void> {
  if (settings.databaseUrl === '')
    throw new ConfigError('DATABASE_URL must name the PostgreSQL database to sync with; received nothing.');
  if (options.force && options.to === undefined)
    throw errors.invalidValue(
      '--force',
      'given together with --to, which says what may be overruled',
      '--force',
    );
  const outcomes = await withStores(settings, options, async (stores) => {
    const steps = await planSync(stores, { force: options.force, ...(options.to && { to: options.to }) });
    const done: Outcome[] = [];
    for (const step of steps) {
      const works = step.what === 'copy' && !options.dryRun;
      const problem = works ? await applySync(stores, step).then(() => null, whyNot) : null;
      done.push({ ...step, done: works && problem === null, problem });
    }
    return done;
  });
  report(outcomes, options);
  if (outcomes.some(({ what, problem }) => what === 'conflict' || problem !== null)) process.exitCode = 1;
}

/** The directory is this process's own meanwhile: a server there would not see what changes. */
async function withStores<Result>(
  settings: Settings,
  { dryRun }: Options,
  work: (stores: Parameters<typeof planSync>[0]) => Promise<Result>,
): Promise<Result> {
  const { dataDirectory, maxConcepts, maxConceptBytes } = settings;
  const [{ lockDataDirectory }, { openSharedConcepts }] = await Promise.all([
    import('../server/data-lock.js'),
    import('../server/open-shared.js'),
  ]);
  const log = createLog('error');
  const unlock = dryRun ? async () => {} : await lockDataDirectory(dataDirectory, log);
  try {
    const quota = { concepts: maxConcepts, bytes: maxConceptBytes };
    const directory = await ConceptStore.open({ dataDirectory, shipped: [], quota });
    for (const { file, reason } of directory.refused)
      sayWrapped(`${file} is left out: ${reason}`, process.stderr);
    return await withDatabase(settings, async (opened) => {
      const database = await openSharedConcepts({ ...settings, conceptDisk: 0 }, opened, log);
      try {
        return await work({ directory, database });
      } finally {
        await database.close();
      }
    });
  } finally {
    await unlock();
  }
}

const short = (version: string | null) => version?.slice(0, 12) ?? '-';

function said({ what, to, copies, problem, done }: Outcome, dryRun: boolean): string {
  if (problem !== null) return `not copied: ${problem}`;
  const count = copies.length === 1 ? '' : ` (${copies.length} versions)`;
  if (what === 'copy')
    return `${done ? 'copied' : dryRun ? 'would be copied' : 'not copied'} to the ${to}${count}`;
  if (what === 'conflict') return 'conflict: neither has the version of the other; --to SIDE --force decides';
  if (what === 'deleted') return `deleted in the ${to}; --to ${to} --force brings it back`;
  return `left: the ${to} has an earlier one`;
}

function report(outcomes: readonly Outcome[], { json, dryRun }: Options): void {
  if (json) {
    const data = outcomes.map(({ copies, ...step }) => ({ ...step, copies: copies.length }));
    sayJson({ object: 'list', dry_run: dryRun, data });
    return;
  }
  const told = outcomes.filter(({ what }) => what !== 'same');
  if (told.length > 0)
    sayTable(
      ['NAME', 'MODEL', 'DIRECTORY', 'DATABASE', ''],
      told.map((one) => [
        one.name,
        one.model,
        short(one.versions.directory),
        short(one.versions.database),
        said(one, dryRun),
      ]),
    );
  const same = outcomes.length - told.length;
  sayWrapped(
    `${same} of ${outcomes.length} ${outcomes.length === 1 ? 'concept is' : 'concepts are'} the same on both sides`,
  );
}
