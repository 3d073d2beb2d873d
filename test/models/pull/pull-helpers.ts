/** A models directory, a stub hub and a pull between the two. */
import assert from 'node:assert/strict';
import { readdir } from 'node:fs/promises';
import type { TestContext } from 'node:test';
import { SteerdError } from '../../../src/errors.js';
import { Hub } from '../../../src/hub/hub.js';
import type { PulledManifest } from '../../../src/models/disk/manifest.js';
import { listModels } from '../../../src/models/disk/model-folders.js';
import { type Pulled, type PullOptions, type PullRequest, pullModel } from '../../../src/models/pull/pull.js';
import { temporaryFolder } from '../../concepts/sample.js';
import { hubModel } from '../../helpers/hub-model.js';
import { type StubHub, type StubOptions, startStubHub } from '../../helpers/stub-hub.js';

export interface PullSetup {
  readonly stub: StubHub;
  readonly hub: Hub;
  readonly modelsDirectory: string;
  pull(
    request?: Partial<PullRequest>,
    options?: Partial<PullOptions>,
  ): Promise<Pulled & { manifest: PulledManifest }>;
}

export interface SetupOptions extends Partial<StubOptions> {
  readonly ownToken?: string;
  readonly silence?: number;
}

export async function pullSetup(
  t: TestContext,
  { ownToken = '', silence = 5_000, ...more }: SetupOptions = {},
): Promise<PullSetup> {
  const files = more.files ?? (await hubModel());
  const stub = await startStubHub(t, { ...more, files });
  const hub = new Hub({ endpoint: stub.endpoint, token: ownToken, silence, firstPause: 5 });
  const modelsDirectory = await temporaryFolder(t);
  return {
    stub,
    hub,
    modelsDirectory,
    pull: async (request, options) => {
      const pulled = await pullModel(
        { repository: stub.repository, revision: 'main', ...request },
        { hub, modelsDirectory, signal: new AbortController().signal, ...options },
      );
      const { manifest } = pulled;
      assert.equal(manifest.format, 1);
      return { ...pulled, manifest: manifest as PulledManifest };
    },
  };
}

/** The file of weights of `hubModel()`. */
export const weights = 'model.onnx.data';

/** For assert.rejects: an error of ours with that code. */
export const code =
  (expected: string, message = /./) =>
  (error: unknown) => {
    assert.ok(error instanceof SteerdError, String(error));
    assert.equal(error.code, expected, error.message);
    assert.match(error.message, message);
    return true;
  };

/** Nothing that a server could load. */
export async function nothingLoads(modelsDirectory: string): Promise<void> {
  assert.deepEqual(await listModels(modelsDirectory), []);
  const visible = (await readdir(modelsDirectory)).filter((name) => !name.startsWith('.'));
  assert.deepEqual(visible, []);
}
