/**
 * The servers that share a database, as far as requests need to know of them: who has which model. A request for a model that is
 * another's is answered so that a balancer passes it on.
 */
import { settlesWithin } from '../common/bounded-wait.js';
import type { Queries } from '../database/database.js';
import { errors, SteerdError } from '../errors.js';
import type { ModelRegistry } from '../models/registry.js';
import { withModels } from '../models/registry.js';

const beatMilliseconds = 5_000;
/** A server that was not seen for so long answers nobody. */
const goneSeconds = 20;
/** A beat waits no longer for the models' folder: a slow disk does not make its server one that is gone. */
const refreshMilliseconds = 2_000;
/** Nor does who leaves wait longer for a database that does not answer: others count it as gone soon anyway. */
const leaveMilliseconds = 5_000;

/**
 * What servers that are gone left, and buckets that nobody took from for so long that they are full again, or as good as: one that was
 * overspent by more than a day's worth is forgiven the rest.
 */
const outdated = [
  "steerd.replicas WHERE seen_at < now() - interval '1 hour'",
  "steerd.key_streams WHERE until < now() - interval '1 hour'",
  "steerd.key_buckets WHERE at < now() - interval '1 day'",
];

export interface Fleet {
  /** Whether another server has what this name means: `model`, or `model@...`. */
  elsewhere(name: string): boolean;
  /** How many answer requests, this one among them. */
  servers(): number;
  leave(): Promise<void>;
}

/** @param serves false for a worker, which has models for its jobs alone */
export async function joinFleet(
  queries: Queries,
  name: string,
  models: Pick<ModelRegistry, 'ids' | 'refresh'>,
  serves: boolean,
): Promise<Fleet> {
  let others: readonly string[] = [];
  let servers = 1;
  let left = false;
  let refreshing: Promise<void> | null = null;
  // What another process pulled into a folder that both have: a worker is asked by nobody who would have it looked for.
  const refresh = async () => {
    refreshing ??= models.refresh().finally(() => {
      refreshing = null;
    });
    // What was found before is told where it fails.
    await settlesWithin(refreshing, refreshMilliseconds);
  };
  const beat = async () => {
    await refresh();
    if (left) return;
    await queries.query(
      `INSERT INTO steerd.replicas (name, serves, models, seen_at) VALUES ($1, $2, $3, now())
       ON CONFLICT (name) DO UPDATE SET models = excluded.models, seen_at = excluded.seen_at`,
      [name, serves, models.ids()],
    );
    const rows = await queries.query<{ models: string[] }>(
      'SELECT models FROM steerd.replicas WHERE serves AND name <> $1 AND seen_at > now() - make_interval(secs => $2)',
      [name, goneSeconds],
    );
    servers = rows.length + Number(serves);
    others = [...new Set(rows.flatMap((row) => row.models))];
    for (const gone of outdated) await queries.query(`DELETE FROM ${gone}`);
  };
  let beating: Promise<void> | null = null;
  // Without the database the fleet is what it was. A slow one is not asked again before it has answered.
  const quietly = () => {
    beating ??= beat()
      .catch(() => {})
      .finally(() => {
        beating = null;
      });
    return beating;
  };
  await quietly();
  const timer = setInterval(() => void quietly(), beatMilliseconds);
  timer.unref();
  return {
    elsewhere: (asked) => others.some((id) => asked === id || asked.startsWith(`${id}@`)),
    servers: () => Math.max(1, servers),
    async leave() {
      clearInterval(timer);
      left = true;
      const leaving = Promise.resolve(beating).then(() =>
        queries.query('DELETE FROM steerd.replicas WHERE name = $1', [name]),
      );
      await settlesWithin(leaving, leaveMilliseconds);
    },
  };
}

/** The models of this server, which knows what others have. */
export function withFleet(models: ModelRegistry, fleet: Pick<Fleet, 'elsewhere'>): ModelRegistry {
  const known = withModels(models, (model) => model);
  return {
    ...known,
    get defaultId() {
      return models.defaultId;
    },
    elsewhere: fleet.elsewhere,
    async get(id = models.defaultId, signal) {
      try {
        return await models.get(id, signal);
      } catch (error) {
        const missing = error instanceof SteerdError && error.code === 'model_not_found';
        throw missing && fleet.elsewhere(id) ? errors.modelElsewhere(id) : error;
      }
    },
  };
}
