/** Recipe attention over HTTP on the embedded model: beside the reference fit, its record, and the same bytes again. */
import assert from 'node:assert/strict';
import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';
import { decodeSafetensors } from '../../src/checkpoint/safetensors.js';
import { packageRoot } from '../../src/common/package.js';
import { defaultStatements } from '../../src/fitting/statements/index.js';
import type { ConceptObject } from '../../src/schemas/concepts.js';
import type { FitJob, FitLayer } from '../../src/schemas/fit-jobs.js';
import { cosine } from '../fitting/fake-model.js';
import { post, type ServerProcess, startServerProcess, temporaryData } from './running-server.js';

const few = (side: readonly string[], count: number) => side.slice(0, count).map((text) => `${text}\n`);
const statements = (count: number) => ({
  positive: few(defaultStatements.positive, count),
  negative: few(defaultStatements.negative, count),
});
const prefix = 'Personify someone who is terrified of spiders.';

async function fit(server: ServerProcess, body: object) {
  const { status, json } = await post(server, '/v1/fits', {
    recipe: 'attention',
    // The reference's own.
    contrast: 'none',
    prefix,
    calibrate: false,
    ...body,
  });
  assert.equal(status, 200, JSON.stringify(json));
  const get = async <T>(path: string) => (await (await fetch(`${server.url}${path}`)).json()) as T;
  const { id, name } = json as FitJob;
  // The events end with the job.
  await (await fetch(`${server.url}/v1/fits/${id}/events`)).text();
  const job = await get<FitJob>(`/v1/fits/${id}`);
  assert.equal(job.status, 'succeeded', job.error?.message);
  return { job, concept: await get<ConceptObject>(`/v1/concepts/${name}`) };
}

test('a fit reads the tokens of the reference, points where it does, and its record says how', async () => {
  const data = await temporaryData();
  const server = await startServerProcess(data.directory);
  try {
    const { job, concept } = await fit(server, {
      name: 'spiders',
      method: 'mean_difference',
      statements: statements(10),
    });
    const records = concept.details.layers as FitLayer[];
    assert.match(concept.model_fingerprint, /^[0-9a-f]{64}$/);
    assert.deepEqual([concept.recipe, concept.method, concept.seed], ['attention', 'mean_difference', 0]);
    assert.equal(records.length, 29);
    // What only the job tells: a record with more in it would be another version.
    for (const [i, { seconds, auroc, ...told }] of job.layers.entries()) {
      assert.deepEqual(told, records[i]);
      assert.ok(auroc != null && auroc > 0.9);
      assert.ok(seconds >= 0 && !('seconds' in (records[i] as object)));
      assert.ok(told.token !== undefined && Math.abs(told.sign ?? 0) === 1 && told.validation_r != null);
    }

    // The reference's own sentences may not be kept here: with others the directions differ somewhat.
    const file = await readFile(join(packageRoot, 'test/fixtures/fit-spiders.safetensors'));
    const reference = decodeSafetensors(file).tensors;
    const tokens = reference.get('token_index')?.toNumbers() ?? [];
    const agreeing = records.filter(({ layer, token }) => tokens[layer] === token);
    assert.ok(agreeing.length >= 26, `${agreeing.length} of 29`);
    const [stored] = await readdir(join(data.directory, 'concepts'));
    const own = decodeSafetensors(await readFile(join(data.directory, 'concepts', stored ?? ''))).tensors;
    const row = (tensors: typeof own, name: string, layer: number) =>
      tensors
        .get(name)
        ?.toFloat32()
        .subarray(layer * 576, (layer + 1) * 576) ?? [];
    const cosines = agreeing
      .map(({ layer }) =>
        cosine(row(own, 'vectors', layer), row(reference, 'vectors.mean_difference', layer)),
      )
      .sort((a, b) => a - b);
    const middle = cosines[Math.floor(cosines.length / 2)] ?? 0;
    assert.ok(middle > 0.8, `median cosine ${middle}`);

    const list = (await (await fetch(`${server.url}/v1/concepts`)).json()) as { data: object[] };
    assert.ok(list.data.every((one) => !('details' in one) && !('residual_norms' in one)));
    assert.ok(JSON.stringify(list).length < 1000 * list.data.length);
  } finally {
    await server.kill();
    await data.clean();
  }
});

test('the same request gives the same bytes, on another server too, beside another fit of its name', async () => {
  const body = { name: 'twice', method: 'rfm', statements: statements(3), layers: [4, 12, 20] };
  const versions: string[] = [];
  for (const threads of ['1', '2']) {
    const data = await temporaryData();
    const server = await startServerProcess(data.directory, { STEERD_THREADS: threads });
    try {
      const other = post(server, '/v1/fits', {
        recipe: 'attention',
        ...body,
        prefix: 'You adore the sea.',
        calibrate: false,
      });
      await other;
      const { concept, job } = await fit(server, body);
      assert.equal(job.concept?.version, concept.version);
      versions.push(concept.version);
    } finally {
      await server.kill();
      await data.clean();
    }
  }
  assert.equal(versions[0], versions[1]);
});
