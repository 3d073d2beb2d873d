import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { Ajv2020 } from 'ajv/dist/2020.js';
import { packageRoot } from '../../src/common/package.js';
import { Description } from '../fuzz/document.js';
import { build } from '../helpers/app.js';

interface Operation {
  readonly operationId?: string;
  readonly tags?: readonly string[];
  readonly summary?: string;
  readonly responses: Readonly<Record<string, object>>;
}

/** The document as `openapi/openapi.json` holds it. */
async function openapiDocument(t: TestContext): Promise<string> {
  const { app } = await build(t);
  return `${JSON.stringify(app.swagger(), null, 2)}\n`;
}

test('the committed description is what the schemas say: run `node dist/src/server/openapi.js`', async (t) => {
  const committed = await readFile(join(packageRoot, 'openapi', 'openapi.json'), 'utf8');
  assert.ok(committed === (await openapiDocument(t)), 'openapi/openapi.json is out of date');
});

test('the server serves the same document', async (t) => {
  const { app } = await build(t);
  const served = (await app.inject('/openapi.json')).json() as unknown;
  const committed = await readFile(join(packageRoot, 'openapi', 'openapi.json'), 'utf8');
  assert.deepEqual(served, JSON.parse(committed));
});

test('each operation has an id of its own, a tag, a summary, success and error answers', async (t) => {
  const { paths } = JSON.parse(await openapiDocument(t)) as {
    paths: Record<string, Record<string, Operation>>;
  };
  const operations = Object.values(paths).flatMap((path) => Object.values(path));
  assert.ok(operations.length >= 14);
  assert.equal(new Set(operations.map(({ operationId }) => operationId)).size, operations.length);
  for (const { operationId, tags, summary, responses } of operations) {
    assert.ok(operationId && tags?.length === 1 && summary, operationId);
    const statuses = Object.keys(responses);
    assert.ok(
      statuses.some((status) => status.startsWith('2')),
      operationId,
    );
    assert.ok(statuses.includes('500'), operationId);
  }
});

test('what looks a concept up declares that it may be being fitted', async () => {
  const description = await Description.read();
  // They look for what is stored, whatever is being fitted.
  const stored = /^(deleteConcept|importConceptVectors|(list|diff)ConceptVersions|rollBackConcept)$/;
  const concerned = description.operations.filter(({ id, path, parameters, body }) => {
    const fields = body === undefined ? {} : (description.resolve(body).properties ?? {});
    const named = path.startsWith('/v1/concepts/{name}') && !stored.test(id);
    const asked = parameters.some(({ name }) => name === 'concepts');
    return named || asked || id === 'retrieveModel' || 'concept' in fields || 'concepts' in fields;
  });
  assert.ok(concerned.length >= 20, String(concerned.length));
  for (const { id, responses } of concerned) assert.ok(responses['409'] !== undefined, id);
});

test('what any operation may answer is declared: stopping everywhere, bad bodies wherever a body can be sent', async (t) => {
  const { paths } = JSON.parse(await openapiDocument(t)) as {
    paths: Record<string, Record<string, Operation>>;
  };
  for (const [path, item] of Object.entries(paths)) {
    for (const [method, { responses }] of Object.entries(item)) {
      const any = method === 'get' ? ['500', '503'] : ['400', '413', '415', '500', '503'];
      const missing = any.filter((status) => responses[status] === undefined);
      assert.deepEqual(missing, [], `${method} ${path}`);
    }
  }
});

test('each request body has an example that its own schema takes: what "Try it out" begins with', async (t) => {
  const description = new Description(JSON.parse(await openapiDocument(t)));
  for (const { id, body } of description.operations) {
    if (body === undefined) continue;
    const { example, examples } = description.resolve(body);
    const all = example === undefined ? (examples ?? []) : [example];
    assert.ok(all.length > 0, `${id} has no example`);
    for (const one of all) assert.equal(description.faultOf(body, one), null, id);
  }
});

test('every schema is one by the rules of JSON Schema 2020-12, as OpenAPI 3.1 wants', async (t) => {
  const { components } = JSON.parse(await openapiDocument(t)) as { components: { schemas: object } };
  const ajv = new Ajv2020({ strict: false, logger: false });
  for (const [name, schema] of Object.entries(components.schemas)) {
    assert.ok(ajv.validateSchema(schema as object), `${name}: ${ajv.errorsText()}`);
  }
});

test('every reference leads to a schema and every schema is referred to', async (t) => {
  const document = await openapiDocument(t);
  const { components } = JSON.parse(document) as { components: { schemas: object } };
  const references = [...document.matchAll(/"#\/components\/schemas\/([^"]+)"/g)].map(([, name]) => name);
  assert.deepEqual([...new Set(references)].sort(), Object.keys(components.schemas).sort());
});
