/** A fleet on this machine, as its operators meet it: PostgreSQL, nginx with docker/nginx.scale.conf, servers and a worker as processes. */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { setTimeout as pause } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { root } from '../deploy/manifests.js';
import { startPostgres, type TestPostgres } from '../helpers/postgres.js';

const cli = fileURLToPath(new URL('../../src/cli.js', import.meta.url));
const nginxProgram = '/usr/sbin/nginx';

export async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  server.close();
  await once(server, 'close');
  return port;
}

/** A process that can be killed and started again in its place. */
export class Part {
  #child: ChildProcess | null = null;
  #told = '';

  constructor(
    readonly name: string,
    private readonly launch: () => ChildProcess,
    /** Resolves when it does its work. */
    private readonly ready: (child: ChildProcess) => Promise<void>,
  ) {}

  /** What it has said, for when something goes wrong. */
  get told(): string {
    return this.#told;
  }

  /** Of its process; null while there is none. */
  get pid(): number | null {
    return this.#child?.pid ?? null;
  }

  async start(): Promise<void> {
    const child = this.launch();
    this.#child = child;
    child.stderr?.on('data', (chunk: Buffer) => {
      this.#told = (this.#told + chunk).slice(-20_000);
    });
    const ended = once(child, 'exit').then(() => {
      if (this.#child === child) throw new Error(`${this.name} ended: ${this.#told}`);
    });
    await Promise.race([this.ready(child), ended]);
    ended.catch(() => {});
  }

  async kill(): Promise<void> {
    await this.#end('SIGKILL');
  }

  /** @returns its exit code */
  async stop(): Promise<number | null> {
    return this.#end('SIGTERM');
  }

  async #end(signal: NodeJS.Signals): Promise<number | null> {
    const child = this.#child;
    this.#child = null;
    if (child === null || child.exitCode !== null) return child?.exitCode ?? null;
    child.kill(signal);
    await once(child, 'exit');
    return child.exitCode;
  }
}

async function saidReady(child: ChildProcess): Promise<void> {
  if (child.stdout === null) throw new Error('no output');
  for await (const line of createInterface({ input: child.stdout }))
    if (line.startsWith('ready')) {
      child.stdout.resume();
      return;
    }
  throw new Error('it ended before it was ready');
}

export interface FleetOptions {
  readonly modelsDirectory: string;
  readonly model: string;
  readonly replicas: number;
  readonly settings?: Readonly<Record<string, string>>;
}

export class Fleet {
  readonly replicas: Part[] = [];
  readonly urls: string[] = [];
  worker!: Part;
  nginx!: Part;
  /** Through nginx. */
  url = '';
  databaseUrl = '';

  private constructor(
    readonly folder: string,
    readonly postgres: TestPostgres,
    private readonly options: FleetOptions,
  ) {}

  static async start(options: FleetOptions): Promise<Fleet> {
    const folder = await mkdtemp(join(tmpdir(), 'steerd-fleet-'));
    const postgres = await startPostgres();
    const fleet = new Fleet(folder, postgres, options);
    try {
      fleet.databaseUrl = await postgres.createDatabase();
      for (let at = 0; at < options.replicas; at++) await fleet.#addReplica(at);
      fleet.worker = fleet.#steerd('worker', ['worker'], {});
      // All at once, as a cluster does: the database is migrated by one of them.
      await Promise.all([...fleet.replicas, fleet.worker].map((part) => part.start()));
      await fleet.#startNginx();
    } catch (error) {
      await fleet.stop();
      throw error;
    }
    return fleet;
  }

  async stop(): Promise<void> {
    await Promise.all([this.nginx, this.worker, ...this.replicas].map((part) => part?.kill()));
    await this.postgres.stop();
    await rm(this.folder, { recursive: true, force: true });
  }

  async #addReplica(at: number): Promise<void> {
    const port = await freePort();
    this.urls.push(`http://127.0.0.1:${port}`);
    const settings = { STEERD_PORT: String(port), STEERD_TAKE_JOBS: 'false' };
    this.replicas.push(this.#steerd(`replica-${at + 1}`, ['serve'], settings));
  }

  #steerd(name: string, command: readonly string[], settings: Readonly<Record<string, string>>): Part {
    const { modelsDirectory, model, settings: common } = this.options;
    const launch = () =>
      spawn(process.execPath, [cli, ...command], {
        env: {
          PATH: process.env.PATH,
          HOME: this.folder,
          DATABASE_URL: this.databaseUrl,
          STEERD_DATA_DIR: join(this.folder, name),
          STEERD_CACHE_DIR: join(this.folder, `${name}-cache`),
          STEERD_MODELS_DIR: modelsDirectory,
          STEERD_MODEL: model,
          STEERD_THREADS: '1',
          STEERD_DEVICE: 'cpu',
          STEERD_LOG_LEVEL: 'warn',
          ...common,
          ...settings,
        },
        stdio: ['ignore', 'pipe', 'pipe'],
      });
    return new Part(name, launch, saidReady);
  }

  /** The configuration that ships, with this machine's ports, before the first `replicas` servers. */
  async nginxConfiguration(port: number, replicas = this.urls.length): Promise<string> {
    const shipped = await readFile(join(root, 'docker/nginx.scale.conf'), 'utf8');
    const servers = this.urls
      .slice(0, replicas)
      .map((url) => `server ${url.slice('http://'.length)} max_fails=0;`);
    const temporary = ['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi'].map(
      (name) => `${name}_temp_path ${this.folder}/nginx/${name};`,
    );
    // One process: killed, all of it is gone, where workers would outlive their master and go on answering.
    return `daemon off;\nmaster_process off;\n${shipped}`
      .replace('pid /tmp/nginx.pid;', `pid ${this.folder}/nginx/pid;`)
      .replace(/resolver .*;/, temporary.join('\n'))
      .replace(/(\s*server replica-\d+:8080 max_fails=0;)+/, `\n${servers.join('\n')}`)
      .replace('listen 8080;', `listen 127.0.0.1:${port};`);
  }

  async #startNginx(): Promise<void> {
    const port = await freePort();
    this.url = `http://127.0.0.1:${port}`;
    await mkdir(join(this.folder, 'nginx'), { recursive: true });
    const file = join(this.folder, 'nginx.conf');
    await writeFile(file, await this.nginxConfiguration(port));
    const launch = () =>
      spawn(nginxProgram, ['-e', 'stderr', '-c', file, '-p', this.folder], {
        stdio: ['ignore', 'pipe', 'pipe'],
      });
    this.nginx = new Part('nginx', launch, async () => {
      while (
        !(await fetch(`${this.url}/nginx-health`).then(
          (reply) => reply.ok,
          () => false,
        ))
      )
        await pause(20);
    });
    await this.nginx.start();
  }
}
