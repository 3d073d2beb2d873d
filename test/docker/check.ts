/**
 * `npm run docker-check`: builds the images from a clean clone of what is committed and tries them: they refuse the
 * network without keys, serve a steered completion from a read-only root, hold no build tools and end on SIGTERM.
 * With docker where its daemon answers, else (`--without-docker`) by carrying out the Dockerfile's instructions in
 * roots made by debootstrap, which needs root and Debian's packages. Ends with 1 when something does not hold.
 */
import assert from 'node:assert/strict';
import { mkdir, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import { packageRoot } from '../../src/common/package.js';
import { buildToolsIn } from './build-tools.js';
import { buildInChroot } from './chroot-build.js';
import { buildWithDocker } from './docker-image.js';
import type { Container, Image } from './image.js';
import { must, outcome } from './process.js';

const { values } = parseArgs({
  options: {
    target: { type: 'string', multiple: true, default: ['cpu'] },
    docker: { type: 'string', default: 'docker' },
    'without-docker': { type: 'boolean', default: false },
  },
});

const anonymous = { STEERD_ALLOW_ANONYMOUS: 'true' };
const say = (text: string) => process.stdout.write(`${text}\n`);
const seconds = (since: number) => `${((performance.now() - since) / 1000).toFixed(1)} s`;

async function build(clone: string, target: string, scratch: string): Promise<Image> {
  const daemon = async () =>
    (await outcome(values.docker, ['info']).catch(() => null))?.code === 0 ? values.docker : null;
  const docker = values['without-docker'] ? null : await daemon();
  say(`${target}: ${docker ? `building with ${docker}` : 'building without docker'}`);
  if (docker) return buildWithDocker(docker, clone, target);
  const folder = join(scratch, target);
  await mkdir(folder);
  return buildInChroot(clone, target, folder, (line) => say(`  ${line}`));
}

async function untilHealthy(container: Container): Promise<void> {
  const last = performance.now() + 120_000;
  for (;;) {
    const { ok, says } = await container.healthy();
    if (ok) return;
    if (performance.now() > last) throw new Error(`not healthy: ${says}\n${await container.log()}`);
    await pause(500);
  }
}

interface Reply {
  readonly choices: readonly { message: { content: string } }[];
  readonly steering?: unknown;
}

async function answer(url: string, steering: object): Promise<Reply> {
  const reply = await fetch(`${url}/v1/chat/completions`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({
      messages: [{ role: 'user', content: 'Tell me about your morning.' }],
      temperature: 0,
      max_tokens: 24,
      ...steering,
    }),
  });
  assert.equal(reply.status, 200, await reply.clone().text());
  return (await reply.json()) as Reply;
}

const checks: readonly [string, (image: Image) => Promise<string>][] = [
  [
    'holds no build tools',
    async (image) => {
      const files = await image.files();
      assert.ok(files.includes('app/dist/src/cli.js'), 'the server is not in it');
      assert.ok(files.includes('app/dist/playground/index.html'), 'the page is not in it');
      assert.deepEqual(buildToolsIn(files), []);
      return `${files.length} files, ${((await image.bytes()) / 2 ** 20).toFixed(0)} MiB`;
    },
  ],
  [
    'refuses the network without API keys',
    async (image) => {
      const { code, output } = await image.command(['serve']);
      assert.equal(code, 2, output);
      assert.match(output, /API keys/);
      return 'exit code 2';
    },
  ],
  [
    'writes into its data volume, as nobody in particular',
    async (image) => {
      const { code, output } = await image.command(['keys', 'add', 'check']);
      assert.equal(code, 0, output);
      return output.trim().split('\n')[0] ?? '';
    },
  ],
  [
    'serves a steered completion and ends on SIGTERM',
    async (image) => {
      const container = await image.run(anonymous);
      try {
        await untilHealthy(container);
        const plain = await answer(container.url, {});
        const steered = await answer(container.url, { concept: 'ocean', strength: 1 });
        const [a, b] = [plain, steered].map((reply) => reply.choices[0]?.message.content);
        assert.ok(a && b && a !== b, 'steering changed nothing');
        assert.ok(steered.steering, 'no receipt');
        say(`    unsteered: ${a.replaceAll('\n', ' ')}\n    ocean:     ${b.replaceAll('\n', ' ')}`);
      } catch (error) {
        await container.stop();
        throw error;
      }
      const started = performance.now();
      assert.equal(await container.stop(), 0, await container.log());
      assert.ok(performance.now() - started < 8000, `stopping took ${seconds(started)}`);
      return `ended with 0 after ${seconds(started)}`;
    },
  ],
];

/** Only where there is no NVIDIA driver: everything but the driver is in the image. */
const cudaChecks: typeof checks = [
  [
    'asked for CUDA it misses nothing but the driver',
    async (image) => {
      const { code, output } = await image.command(['serve'], { ...anonymous, STEERD_DEVICE: 'cuda' });
      assert.equal(code, 1, output);
      assert.match(output, /libcuda\.so\.1|CUDA driver|no CUDA-capable device/i);
      return output.trim().split('\n').at(-1) ?? '';
    },
  ],
];

const scratch = await mkdtemp(join(tmpdir(), 'steerd-docker-'));
let failures = 0;
try {
  const clone = join(scratch, 'clone');
  await must('git', ['clone', '--quiet', '--depth=1', `file://${packageRoot}`, clone]);
  if ((await must('git', ['status', '--porcelain'], { cwd: packageRoot })).trim() !== '')
    say('what is not committed is not in the clone');
  for (const target of values.target) {
    const started = performance.now();
    const image = await build(clone, target, scratch);
    say(`${target}: built in ${seconds(started)}`);
    for (const [what, check] of target === 'cuda' ? [...checks, ...cudaChecks] : checks) {
      try {
        say(`  ok    ${what}: ${await check(image)}`);
      } catch (error) {
        failures++;
        say(`  FAILS ${what}: ${(error as Error).message}`);
      }
    }
    await image.remove();
  }
} finally {
  await rm(scratch, { recursive: true, force: true });
}
process.exitCode = failures > 0 ? 1 : 0;
