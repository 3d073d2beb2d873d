/** Images and containers by docker, or by a program with its commands. */
import { randomUUID } from 'node:crypto';
import type { Container, Image } from './image.js';
import { type Ended, must, outcome } from './process.js';

/** What compose.yaml takes away from the container, too. */
const hardening = ['--read-only', '--tmpfs=/tmp', '--cap-drop=ALL', '--security-opt=no-new-privileges'];

export async function buildWithDocker(docker: string, folder: string, target: string): Promise<Image> {
  const tag = `steerd-check-${target}:${randomUUID().slice(0, 8)}`;
  await must(docker, ['build', '-f', 'docker/Dockerfile', '--target', target, '-t', tag, '.'], {
    cwd: folder,
  });
  return new DockerImage(docker, tag);
}

class DockerImage implements Image {
  constructor(
    readonly docker: string,
    readonly tag: string,
  ) {}

  async files(): Promise<string[]> {
    const id = (await must(this.docker, ['create', this.tag])).trim();
    try {
      const list = await must('sh', ['-c', '"$0" export "$1" | tar -t', this.docker, id]);
      return list.split('\n').filter((file) => file !== '' && !file.endsWith('/'));
    } finally {
      await must(this.docker, ['rm', '-v', id]);
    }
  }

  async bytes(): Promise<number> {
    return Number(await must(this.docker, ['image', 'inspect', '--format', '{{.Size}}', this.tag]));
  }

  command(words: readonly string[], environment: Readonly<Record<string, string>> = {}): Promise<Ended> {
    return outcome(this.docker, ['run', '--rm', ...hardening, ...settings(environment), this.tag, ...words]);
  }

  async run(environment: Readonly<Record<string, string>>): Promise<Container> {
    const { docker } = this;
    const words = [
      'run',
      '-d',
      ...hardening,
      '--publish=127.0.0.1::8080',
      ...settings(environment),
      this.tag,
    ];
    const id = (await must(docker, words)).trim();
    const address = (await must(docker, ['port', id, '8080/tcp'])).split('\n')[0];
    return {
      url: `http://${address}`,
      async healthy() {
        const text = await must(docker, ['inspect', '--format', '{{json .State.Health}}', id]);
        const health = JSON.parse(text) as { Status?: string; Log?: { Output: string }[] } | null;
        return { ok: health?.Status === 'healthy', says: health?.Log?.at(-1)?.Output ?? 'not looked at yet' };
      },
      async stop() {
        await must(docker, ['stop', '-t', '20', id]);
        const code = await must(docker, ['inspect', '--format', '{{.State.ExitCode}}', id]);
        await must(docker, ['rm', '-v', id]);
        return Number(code);
      },
      async log() {
        return (await outcome(docker, ['logs', id])).output;
      },
    };
  }

  async remove(): Promise<void> {
    await must(this.docker, ['image', 'rm', this.tag]);
  }
}

const settings = (environment: Readonly<Record<string, string>>) =>
  Object.entries(environment).map(([key, value]) => `--env=${key}=${value}`);
