/** Keys for tests, in a folder that is gone when the test is. */
import type { TestContext } from 'node:test';
import { AccessControl } from '../../src/access/access-control.js';
import { addKey, type KeyGrant, type KeyLog } from '../../src/access/key-store.js';
import { temporaryFolder } from '../concepts/sample.js';
import { type BuildOptions, type Built, build } from '../helpers/app.js';

export const quiet: KeyLog = { info() {}, error() {} };

export interface KeyedApp extends Built {
  /** The secrets, in the order of the grants. */
  readonly secrets: readonly string[];
  /** The headers of a request with a secret. */
  with(secret: string | undefined): { authorization: string };
}

/** The application with one key per grant. */
export async function buildWithKeys(
  t: TestContext,
  grants: readonly Partial<KeyGrant>[],
  options: BuildOptions = {},
): Promise<KeyedApp> {
  const folder = await temporaryFolder(t);
  const secrets: string[] = [];
  for (const grant of grants) {
    const { secret } = await addKey(folder, { name: 'test', scopes: ['completions'], ...grant });
    secrets.push(secret);
  }
  const access = await AccessControl.open(folder, quiet);
  const built = await build(t, { ...options, access });
  return { ...built, secrets, with: (secret) => ({ authorization: `Bearer ${secret}` }) };
}
