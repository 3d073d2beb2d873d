/**
 * Concepts in the database's tables (src/database/migrations/001): every statement about them stands here. A change locks the one row of
 * `concept_state` first, so changes of all servers happen one after the other, and whoever has seen a revision has seen all before it.
 */
import { createHash } from 'node:crypto';
import type { Queries } from '../database/database.js';
import type { ConceptParts } from './concept-file.js';
import type { ConceptQuota } from './concept-quota.js';
import { keptVersions } from './stored-concept.js';

export const conceptChannel = 'steerd_concepts';

/** Deleted names that can come back, with their versions. */
const keptDeleted = 1000;

/** What a name means. */
export interface HeadRow {
  readonly model: string;
  readonly name: string;
  /** Null once it is deleted. */
  readonly version: string | null;
  readonly owner: string | null;
  /** Of its vectors. */
  readonly bytes: number;
  /** Unix seconds. */
  readonly changed: number;
  readonly revision: number;
}

const headColumns = `model, name, version, owner, bytes::float8 AS bytes,
  floor(extract(epoch FROM changed_at))::float8 AS changed, revision::float8 AS revision`;

export interface ConceptState {
  readonly revision: number;
  readonly forgotten: number;
}

const stateColumns = 'revision::float8 AS revision, forgotten::float8 AS forgotten';

export async function conceptState(queries: Queries): Promise<ConceptState> {
  const [state] = await queries.query<ConceptState>(`SELECT ${stateColumns} FROM steerd.concept_state`);
  return state ?? { revision: 0, forgotten: 0 };
}

/** The names that changed after a revision, oldest change first. */
export function headsAfter(queries: Queries, revision: number): Promise<HeadRow[]> {
  return queries.query<HeadRow>(
    `SELECT ${headColumns} FROM steerd.concepts WHERE revision > $1 ORDER BY revision`,
    [revision],
  );
}

/** Begins a change: others wait until its transaction ends. @returns its revision */
export async function beginChange(queries: Queries): Promise<number> {
  const [state] = await queries.query<ConceptState>(
    `UPDATE steerd.concept_state SET revision = revision + 1 RETURNING ${stateColumns}`,
  );
  return state?.revision ?? 0;
}

/** Servers hear of it when its transaction is committed. */
export async function announce(queries: Queries, revision: number): Promise<void> {
  await queries.query('SELECT pg_notify($1, $2)', [conceptChannel, String(revision)]);
}

export async function head(queries: Queries, model: string, name: string): Promise<HeadRow | undefined> {
  const [row] = await queries.query<HeadRow>(
    `SELECT ${headColumns} FROM steerd.concepts WHERE model = $1 AND name = $2`,
    [model, name],
  );
  return row;
}

/** What all concepts but one take. */
export async function taken(queries: Queries, model: string, name: string): Promise<ConceptQuota> {
  const [row] = await queries.query<ConceptQuota>(
    `SELECT count(*)::int AS concepts, coalesce(sum(bytes), 0)::float8 AS bytes FROM steerd.concepts
     WHERE version IS NOT NULL AND NOT (model = $1 AND name = $2)`,
    [model, name],
  );
  return row ?? { concepts: 0, bytes: 0 };
}

/** Concepts that an API key made. */
export async function madeBy(queries: Queries, owner: string): Promise<number> {
  const [row] = await queries.query<{ made: number }>(
    'SELECT count(*)::int AS made FROM steerd.concepts WHERE version IS NOT NULL AND owner = $1',
    [owner],
  );
  return row?.made ?? 0;
}

interface NewVersion {
  readonly model: string;
  readonly name: string;
  readonly version: string;
  readonly parts: ConceptParts;
  /** Whose the concept is if it is a new one. */
  readonly owner: string | null;
  readonly revision: number;
}

/** Stores a version and lets its name mean it. @returns what the name means now */
export async function writeHead(queries: Queries, one: NewVersion): Promise<HeadRow> {
  const { model, name, version, parts, owner, revision } = one;
  const hash = createHash('sha256').update(parts.vectors).digest('hex');
  await queries.query('INSERT INTO steerd.vectors (hash, bytes) VALUES ($1, $2) ON CONFLICT DO NOTHING', [
    hash,
    Buffer.from(parts.vectors),
  ]);
  await queries.query(
    `INSERT INTO steerd.contents (version, model, name, document, residual_norms, coefficients, vectors)
     VALUES ($1, $2, $3, $4, $5, $6, $7) ON CONFLICT DO NOTHING`,
    [
      version,
      model,
      name,
      parts.document,
      Buffer.from(parts.residual_norms),
      Buffer.from(parts.coefficients),
      hash,
    ],
  );
  const [row] = await queries.query<HeadRow & { number: number }>(
    `INSERT INTO steerd.concepts AS c (model, name, version, owner, number, bytes, revision)
     VALUES ($1, $2, $3, $4, 1, $5, $6)
     ON CONFLICT (model, name) DO UPDATE SET version = $3, number = c.number + 1, bytes = $5, revision = $6,
       changed_at = now(), owner = CASE WHEN c.version IS NULL THEN $4 ELSE c.owner END
     RETURNING ${headColumns}, number`,
    [model, name, version, owner, parts.vectors.byteLength, revision],
  );
  if (row === undefined) throw new Error('no row came back of an insert');
  await queries.query('INSERT INTO steerd.versions (model, name, number, version) VALUES ($1, $2, $3, $4)', [
    model,
    name,
    row.number,
    version,
  ]);
  await queries.query('DELETE FROM steerd.versions WHERE model = $1 AND name = $2 AND number <= $3', [
    model,
    name,
    row.number - keptVersions,
  ]);
  await dropContents(queries, model, name);
  return row;
}

/** Lets a name mean a version that it had, or nothing. */
export async function turnHead(
  queries: Queries,
  {
    model,
    name,
    version,
    revision,
  }: Pick<NewVersion, 'model' | 'name' | 'revision'> & Pick<HeadRow, 'version'>,
): Promise<HeadRow> {
  const [row] = await queries.query<HeadRow>(
    `UPDATE steerd.concepts SET version = $3, revision = $4, changed_at = now()
     WHERE model = $1 AND name = $2 RETURNING ${headColumns}`,
    [model, name, version, revision],
  );
  if (row === undefined) throw new Error(`no row of ${model} ${name}`);
  return row;
}

/** Forgets the names that were deleted longest ago, for good. */
export async function forgetDeleted(queries: Queries): Promise<void> {
  const old = await queries.query<Pick<HeadRow, 'model' | 'name' | 'revision'>>(
    `SELECT model, name, revision::float8 AS revision FROM steerd.concepts WHERE version IS NULL
     ORDER BY revision DESC OFFSET $1`,
    [keptDeleted],
  );
  for (const { model, name, revision } of old) {
    await queries.query('DELETE FROM steerd.versions WHERE model = $1 AND name = $2', [model, name]);
    await queries.query('DELETE FROM steerd.concepts WHERE model = $1 AND name = $2', [model, name]);
    await dropContents(queries, model, name);
    await queries.query('UPDATE steerd.concept_state SET forgotten = greatest(forgotten, $1)', [revision]);
  }
}

/** Contents that no version of a name is any more, and vectors that no content has. */
async function dropContents(queries: Queries, model: string, name: string): Promise<void> {
  const dropped = await queries.query<{ vectors: string }>(
    `DELETE FROM steerd.contents c WHERE c.model = $1 AND c.name = $2
       AND NOT EXISTS (SELECT FROM steerd.versions v WHERE v.version = c.version)
     RETURNING vectors`,
    [model, name],
  );
  if (dropped.length === 0) return;
  await queries.query(
    `DELETE FROM steerd.vectors v WHERE v.hash = ANY($1)
       AND NOT EXISTS (SELECT FROM steerd.contents c WHERE c.vectors = v.hash)`,
    [dropped.map(({ vectors }) => vectors)],
  );
}

export interface VersionRow {
  readonly number: number;
  readonly version: string;
  /** Unix seconds. */
  readonly since: number;
}

/** Newest first. */
export function versionRows(queries: Queries, model: string, name: string): Promise<VersionRow[]> {
  return queries.query<VersionRow>(
    `SELECT number, version, floor(extract(epoch FROM since))::float8 AS since FROM steerd.versions
     WHERE model = $1 AND name = $2 ORDER BY number DESC`,
    [model, name],
  );
}

export async function contentParts(queries: Queries, version: string): Promise<ConceptParts | undefined> {
  const [row] = await queries.query<ConceptParts & { hash: string }>(
    `SELECT c.document, c.residual_norms, c.coefficients, v.bytes AS vectors
     FROM steerd.contents c JOIN steerd.vectors v ON v.hash = c.vectors WHERE c.version = $1`,
    [version],
  );
  return row;
}
