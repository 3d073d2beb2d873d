/**
 * The API suite through nginx: the test files that ask a whole server with the embedded model, each request answered by whichever of
 * three servers nginx picks.
 */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { packageRoot } from '../../src/common/package.js';
import { usualContext } from '../e2e/usual-context.js';
import { Fleet } from './fleet.js';

/** Files that know of their server no more than its URL. */
export const throughNginx = [
  'e2e/one-server/alternatives.slow.test.ts',
  'e2e/one-server/bad-requests.slow.test.ts',
  'e2e/one-server/constrained.slow.test.ts',
  'e2e/one-server/crashing-requests.alone.slow.test.ts',
  'e2e/one-server/measure.slow.test.ts',
  'e2e/one-server/monitor.slow.test.ts',
  'e2e/one-server/steering.slow.test.ts',
  'e2e/one-server/tools.slow.test.ts',
  'e2e/client-tools.slow.test.ts',
  'e2e/clients.slow.test.ts',
] as const;

/** Of those files the tests that cannot pass through a proxy by nature, each with its reason; they skip themselves. */
export const answeredByNginx = {
  'e2e/one-server/crashing-requests.alone.slow.test.ts': {
    'headers that no server should read':
      'nginx refuses long headers with 400 where the server says 431, and waits for a body that is announced too large',
  },
} as const satisfies Partial<Record<(typeof throughNginx)[number], Readonly<Record<string, string>>>>;

/** Those that ask a server and cannot, each with its reason. `test/routes` asks an application without a port. */
export const notThroughNginx = {
  'e2e/one-server/hostile-bodies.alone.slow.test.ts':
    "reads one process's memory, and nginx holds slow bodies back",
  'e2e/one-server/prefix-reuse.slow.test.ts':
    'counts what the same server read before, and starts another to compare',
  'e2e/bad-fits.slow.test.ts': 'needs a context of its own',
  'e2e/faults.alone.slow.test.ts': 'breaks the server from within',
  'e2e/fit-attention.slow.test.ts': 'kills its server',
  'e2e/fit-cancel.alone.slow.test.ts': 'kills its server',
  'e2e/fit.alone.slow.test.ts': 'restarts its server and changes its files',
  'e2e/docs-commands.slow.test.ts': 'works in the data directory of its server',
  'e2e/fuzz.slow.test.ts': 'reads the log of its server',
  'e2e/proxy.slow.test.ts': 'brings an nginx of its own',
  'e2e/pull.slow.test.ts': 'brings a hub that only its server is told of',
  'e2e/sdk.slow.test.ts': "writes its server's keys file",
  'e2e/several-models.slow.test.ts': 'runs its server in its own process',
  'e2e/smoke.test.ts': 'restarts its server',
  'e2e/upload.slow.test.ts': 'sends models, which only a server with a limit for them takes',
  'e2e/web-pages.slow.test.ts': 'has a setting of its own in each test',
} as const satisfies Readonly<Record<string, string>>;

const runner = fileURLToPath(new URL('../tools/test.js', import.meta.url));

/** @returns what the runner counted. @throws Error with its last words when a test failed */
export async function apiThroughNginx(): Promise<string> {
  const fleet = await Fleet.start({
    modelsDirectory: join(packageRoot, 'models'),
    model: 'smollm2-135m-instruct',
    replicas: 3,
    settings: { STEERD_CONTEXT: usualContext },
  });
  try {
    const files = throughNginx.map((file) => join('test', file));
    const child = spawn(process.execPath, [runner, '--reporter', 'tap', ...files], {
      cwd: packageRoot,
      env: { ...process.env, STEERD_TEST_URL: fleet.url },
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    let said = '';
    child.stdout.on('data', (chunk: Buffer) => {
      said += chunk;
    });
    const [code] = (await once(child, 'close')) as [number | null];
    const counted = said.match(/^# (tests|pass|fail|skipped) \d+$/gm)?.map((line) => line.slice(2)) ?? [];
    const failed = said.match(/^ *not ok [\s\S]{0,1500}/gm) ?? [];
    if (code !== 0) throw new Error([...counted, ...failed].join('\n'));
    return `${files.length} files, ${counted.join(', ')}`;
  } finally {
    await fleet.stop();
  }
}
