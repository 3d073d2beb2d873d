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
  readonly delete: boolean;
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
    .option('--delete', 'what one side deleted is deleted on the other, too; its versions stay', false)
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
    const { to, force, delete: deletes } = options;
    const steps = await planSync(stores, { force, deletes, ...(to && { to }) });
    const done: Outcome[] = [];
    for (const step of steps) {
      const works = (step.what === 'copy' || step.what === 'delete') && !options.dryRun;
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

const otherSide = (side: SyncSide | null) => (side === 'database' ? 'directory' : 'database');

/** What was, or would be, done, and where nothing is, what would change that. */
function said({ what, to, copies, versions, problem, done }: Outcome, dryRun: boolean): string {
  const word = done ? '' : dryRun ? 'would be ' : 'not ';
  const why = problem === null ? '' : `: ${problem}`;
  const count = copies.length === 1 ? '' : ` (${copies.length} versions)`;
  if (what === 'copy') return `${word}copied to the ${to}${count}${why}`;
  if (what === 'delete') return `${word}deleted in the ${to}, as in the ${otherSide(to)}${why}`;
  if (what === 'deleted')
    return `left: deleted in the ${to}; --delete deletes it in the ${otherSide(to)}, --to ${to} --force brings it back`;
  if (what === 'behind') return `left: the ${to} has an earlier one`;
  const gone = (['directory', 'database'] as const).find((side) => versions[side] === null);
  if (gone === undefined) return 'conflict: neither has the version of the other; --to SIDE --force decides';
  const kept = otherSide(gone);
  return `conflict: deleted in the ${gone}, changed in the ${kept}; --to ${gone} --force brings it back, --to ${kept} --force --delete deletes it`;
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
