/** An image that is a folder, and containers of it that are namespaces. */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdir, readFile, rm } from 'node:fs/promises';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { enter, type Inside } from './chroot.js';
import type { ImageConfig } from './chroot-build.js';
import type { Container, Image } from './image.js';
import { type Ended, must, outcome } from './process.js';

export class ChrootImage implements Image {
  #containers = 0;

  constructor(
    readonly root: string,
    readonly config: ImageConfig,
    readonly scratch: string,
  ) {}

  async files(): Promise<string[]> {
    const found = await must('find', [this.root, '-xdev', '-not', '-type', 'd', '-printf', '%P\\n']);
    return found.split('\n').filter((file) => file !== '');
  }

  async bytes(): Promise<number> {
    const [size] = (await must('du', ['-sxb', this.root])).split('\t');
    return Number(size);
  }

  async command(
    words: readonly string[],
    environment: Readonly<Record<string, string>> = {},
  ): Promise<Ended> {
    const inside = await this.#inside(environment);
    const entered = enter(inside, [...this.config.entrypoint, ...words]);
    return outcome(entered.program, entered.words);
  }

  /** Containers share this machine's network, so the port is a free one. */
  async run(environment: Readonly<Record<string, string>>): Promise<Container> {
    const port = await freePort();
    const inside = await this.#inside({ ...environment, PORT: String(port) });
    const { entrypoint, command, healthCheck } = this.config;
    const entered = enter(inside, [...entrypoint, ...command]);
    const child = spawn(entered.program, entered.words, { stdio: ['ignore', 'pipe', 'pipe'] });
    return new ChrootContainer(child, inside, healthCheck, `http://127.0.0.1:${port}`);
  }

  async remove(): Promise<void> {
    await rm(this.scratch, { recursive: true, force: true });
  }

  /** New volumes begin as the image's folders of that name, with their owner. */
  async #inside(environment: Readonly<Record<string, string>>): Promise<Inside> {
    const { config, root } = this;
    const own = join(this.scratch, `container-${++this.#containers}`);
    const volumes: Record<string, string> = {};
    for (const place of config.volumes) {
      const folder = join(own, place);
      await mkdir(own, { recursive: true });
      await must('cp', ['-a', join(root, place), folder]);
      volumes[place] = folder;
    }
    const { user, workingDirectory } = config;
    const all = { ...config.environment, ...environment };
    return { root, environment: all, workingDirectory, user, volumes, readOnly: true };
  }
}

class ChrootContainer implements Container {
  #output = '';

  constructor(
    readonly child: ChildProcess,
    readonly inside: Inside,
    readonly healthCheck: readonly string[],
    readonly url: string,
  ) {
    for (const stream of [child.stdout, child.stderr])
      stream?.on('data', (piece: Buffer) => {
        this.#output += piece.toString();
      });
  }

  /** In the container's namespaces and with its user and environment, as docker runs it. */
  async healthy(): Promise<{ ok: boolean; says: string }> {
    const [uid = '0', gid = '0'] = this.inside.user.split(':');
    const process = await this.#firstProcess();
    const variables = Object.entries(this.inside.environment).map(([key, value]) => `${key}=${value}`);
    const { code, output } = await outcome('nsenter', [
      ...[`--target=${process}`, '--mount', '--pid', '--root', `--setuid=${uid}`, `--setgid=${gid}`],
      ...['env', '-i', ...variables, ...this.healthCheck],
    ]);
    return { ok: code === 0, says: output.trim() };
  }

  async stop(): Promise<number> {
    if (this.child.exitCode !== null) return this.child.exitCode;
    process.kill(await this.#firstProcess(), 'SIGTERM');
    const [code] = (await once(this.child, 'exit')) as [number | null];
    return code ?? -1;
  }

  async log(): Promise<string> {
    return this.#output;
  }

  /** `unshare` waits for its only child, which is process 1 in there. */
  async #firstProcess(): Promise<number> {
    if (this.child.exitCode !== null)
      throw new Error(`the container ended with ${this.child.exitCode}:\n${this.#output}`);
    const { pid } = this.child;
    const children = (await readFile(`/proc/${pid}/task/${pid}/children`, 'utf8')).trim();
    return Number(children.split(' ')[0]);
  }
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  server.close();
  if (address === null || typeof address === 'string') throw new Error('no port was given');
  return address.port;
}
