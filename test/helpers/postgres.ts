/**
 * A PostgreSQL of a test's own, from Debian's packages: in a temporary folder, on a free port of this machine, without
 * durability. As root it runs as another user, for PostgreSQL refuses root.
 */
import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { chownSync, existsSync, readdirSync } from 'node:fs';
import { chmod, cp, mkdir, mkdtemp, rename, rm, writeFile } from 'node:fs/promises';
import type { AddressInfo } from 'node:net';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import pg from 'pg';

const debian = '/usr/lib/postgresql';

/** The folder of the newest PostgreSQL's programs. */
const programs = ((): string | null => {
  const versions = existsSync(debian)
    ? readdirSync(debian)
        .map(Number)
        .filter((one) => one >= 13)
    : [];
  const newest = Math.max(...versions);
  const folder = join(debian, String(newest), 'bin');
  return existsSync(join(folder, 'initdb')) ? folder : null;
})();

/** Why there is no PostgreSQL, and what would help: the `skip` of a test; false when there is one. */
export const noPostgres: string | false =
  programs === null ? `PostgreSQL is missing under ${debian}: apt-get install postgresql` : false;

interface Owner {
  readonly uid: number;
  readonly gid: number;
}

/** Who PostgreSQL runs as: null for whoever runs the test. */
function otherUser(): Owner | null {
  if (process.getuid?.() !== 0) return null;
  for (const user of ['postgres', 'nobody']) {
    const [uid, gid] = ['-u', '-g'].map((flag) => Number(spawnSync('id', [flag, user]).stdout || NaN));
    if (Number.isInteger(uid) && Number.isInteger(gid)) return { uid: uid as number, gid: gid as number };
  }
  throw new Error('as root, PostgreSQL needs a user postgres or nobody');
}

export interface TestPostgres {
  readonly port: number;
  /** Where its data and sockets are. */
  readonly folder: string;
  /** A URL of an empty database that nobody else has. */
  createDatabase(): Promise<string>;
  /** Lets the server end at once, as a crash does. Its databases are there again after `start`. */
  kill(): Promise<void>;
  /** Ends the server as an operator does. */
  shutDown(): Promise<void>;
  start(): Promise<void>;
  /** Ends it and deletes its data. */
  stop(): Promise<void>;
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  server.close();
  await once(server, 'close');
  return port;
}

// What was committed must outlive a killed server, if not a killed machine: synchronous_commit stays on.
const settings = [
  "listen_addresses = '127.0.0.1'",
  'fsync = off',
  'full_page_writes = off',
  'max_connections = 100',
  'shared_buffers = 32MB',
  'log_min_messages = fatal',
].join('\n');

/** An empty data folder, made once for each user and version of PostgreSQL: initdb takes seconds, a copy does not. */
async function template(owner: Owner | null): Promise<string> {
  const version = (programs as string).split('/').at(-2);
  const folder = join(tmpdir(), `steerd-postgres-${version}-${owner?.uid ?? process.getuid?.() ?? 0}`);
  if (existsSync(folder)) return folder;
  const mine = await mkdtemp(`${folder}-`);
  if (owner !== null) chownSync(mine, owner.uid, owner.gid);
  const data = join(mine, 'data');
  const { status, stderr } = spawnSync(
    join(programs as string, 'initdb'),
    ['-D', data, '-U', 'steerd', '--auth=trust', '--no-sync', '--encoding=UTF8', '--locale=C'],
    { ...owner, cwd: mine },
  );
  if (status !== 0) throw new Error(`initdb failed: ${stderr}`);
  // Of two that make one, the first counts.
  await rename(data, folder).catch(() => {});
  await rm(mine, { recursive: true, force: true });
  return folder;
}

/** @throws when there is none; see `noPostgres` */
export async function startPostgres(): Promise<TestPostgres> {
  if (programs === null) throw new Error(String(noPostgres));
  const owner = otherUser();
  const from = await template(owner);
  const folder = await mkdtemp(join(tmpdir(), 'steerd-pg-'));
  const data = join(folder, 'data');
  await mkdir(data, { mode: 0o700 });
  await cp(from, data, { recursive: true });
  const port = await freePort();
  await writeFile(
    join(data, 'postgresql.auto.conf'),
    `${settings}\nport = ${port}\nunix_socket_directories = '${folder}'\n`,
  );
  await chmod(data, 0o700);
  if (owner !== null) spawnSync('chown', ['-R', `${owner.uid}:${owner.gid}`, folder]);

  const url = (database: string) => `postgresql://steerd@127.0.0.1:${port}/${database}`;
  let running: ReturnType<typeof spawn> | null = null;
  const start = async () => {
    const server = spawn(join(programs, 'postgres'), ['-D', data], {
      ...owner,
      cwd: folder,
      stdio: ['ignore', 'ignore', 'pipe'],
    });
    let told = '';
    server.stderr?.on('data', (chunk: Buffer) => {
      told += chunk;
    });
    running = server;
    for (let tries = 0; ; tries++) {
      if (server.exitCode !== null) throw new Error(`PostgreSQL did not start: ${told}`);
      const client = new pg.Client({ connectionString: url('postgres'), connectionTimeoutMillis: 2000 });
      client.on('error', () => {});
      try {
        await client.connect();
        await client.end();
        return;
      } catch (error) {
        if (tries > 300) throw error;
        await pause(50);
      }
    }
  };
  const end = async (signal: 'SIGINT' | 'SIGQUIT') => {
    const server = running;
    running = null;
    if (server === null || server.exitCode !== null) return;
    server.kill(signal);
    await once(server, 'exit');
  };
  let made = 0;
  await start();
  return {
    port,
    folder,
    async createDatabase() {
      const name = `test_${++made}`;
      const client = new pg.Client({ connectionString: url('postgres') });
      await client.connect();
      await client.query(`CREATE DATABASE ${name}`);
      await client.end();
      return url(name);
    },
    kill: () => end('SIGQUIT'),
    shutDown: () => end('SIGINT'),
    start,
    async stop() {
      await end('SIGQUIT');
      await rm(folder, { recursive: true, force: true });
    },
  };
}
