/** Each route declares the scope that it needs, and nothing of the server can be called without one. */
import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import type { RouteOptions } from 'fastify';
import { buildWithKeys } from '../access/keys.js';
import { build } from '../helpers/app.js';

const table = `
  OPTIONS *                              admin
  GET     /                              public
  GET     /docs                          public
  GET     /docs/json                     public
  GET     /docs/static/*                 public
  GET     /docs/static/index.html        public
  GET     /docs/static/swagger-initializer.js public
  GET     /assets/*                      public
  GET     /docs/yaml                     public
  GET     /health                        public
  GET     /openapi.json                  public
  GET     /ready                         public
  GET     /version                       public
  GET     /api/version                   public
  GET     /load                          metrics
  GET     /metrics                       metrics
  GET     /tokenizer_info                completions
  POST    /api/chat                      completions
  POST    /api/embed                     completions
  POST    /api/generate                  completions
  POST    /v1/embeddings                 completions
  POST    /v1/messages                   completions
  POST    /v1/messages/count_tokens      completions
  POST    /detokenize                    completions
  POST    /tokenize                      completions
  POST    /v1/chat/completions           completions
  POST    /v1/completions                completions
  POST    /v1/responses                  completions
  GET     /v1/responses/:response_id     completions
  DELETE  /v1/responses/:response_id     completions
  POST    /v1/steering/judge             completions
  POST    /v1/activations                completions
  POST    /v1/steering/score             completions
  POST    /v1/steering/sweep             completions
  GET     /v1/concepts                   concepts:read
  POST    /v1/concepts                   concepts:write
  GET     /v1/concepts/similarity        concepts:read
  GET     /v1/concepts/:name             concepts:read
  DELETE  /v1/concepts/:name             concepts:write
  GET     /v1/concepts/:name/attention   concepts:read
  POST    /v1/concepts/:name/calibrate   concepts:write
  POST    /v1/concepts/:name/compose     concepts:write
  POST    /v1/concepts/:name/rename      concepts:write
  POST    /v1/concepts/:name/restore     concepts:write
  POST    /v1/concepts/:name/rollback    concepts:write
  GET     /v1/concepts/:name/diff        concepts:read
  GET     /v1/concepts/:name/versions    concepts:read
  GET     /v1/concepts/:name/vectors     concepts:read
  PUT     /v1/concepts/:name/vectors     concepts:write
  GET     /v1/fits                       concepts:read
  POST    /v1/fits                       concepts:write
  GET     /v1/fits/:id                   concepts:read
  GET     /v1/fits/:id/events            concepts:read
  POST    /v1/fits/:id/cancel            concepts:write
  GET     /v1/calibrations               concepts:read
  POST    /v1/calibrations               concepts:write
  GET     /v1/calibrations/:id           concepts:read
  GET     /v1/calibrations/:id/events    concepts:read
  POST    /v1/calibrations/:id/cancel    concepts:write
  GET     /v1/sweeps                     completions
  POST    /v1/sweeps                     completions
  GET     /v1/sweeps/:id                 completions
  GET     /v1/sweeps/:id/events          completions
  POST    /v1/sweeps/:id/cancel          completions
  GET     /v1/benchmarks                  admin
  POST    /v1/benchmarks                  admin
  GET     /v1/benchmarks/:id              admin
  DELETE  /v1/benchmarks/:id              admin
  POST    /v1/benchmarks/:id/cancel       admin
  GET     /v1/benchmarks/:id/events       admin
  GET     /v1/benchmarks/:id/records      admin
  GET     /v1/benchmarks/:id/report       admin
  GET     /api/ps                        any
  GET     /api/tags                      any
  POST    /api/show                      any
  GET     /v1/models                     any
  GET     /v1/models/:id                 any
  GET     /v1/keys                       admin
  POST    /v1/keys                       admin
  DELETE  /v1/keys/:id                   admin
  POST    /v1/models/:id/load            admin
  POST    /v1/models/:id/unload          admin
  POST    /v1/models/pull                admin
  POST    /v1/models/import              admin
  PUT     /v1/models/import              admin
  GET     /v1/models/imports             admin
  GET     /v1/models/imports/:id         admin
  DELETE  /v1/models/imports/:id         admin
  GET     /v1/models/imports/:id/events  admin
  GET     /v1/models/pulls               admin
  GET     /v1/models/pulls/:id           admin
  DELETE  /v1/models/pulls/:id           admin
  GET     /v1/models/pulls/:id/events    admin
`;

/** Every route of the application, with cross-origin requests on, as `method path` and the scope it needs. */
async function scopesOf(t: TestContext) {
  const seen: { readonly url: string; readonly route: RouteOptions }[] = [];
  const { app } = await build(t, {
    settings: { corsOrigins: ['*'] },
    extend: (app) => {
      app.addHook('onRoute', (route) => {
        seen.push({ url: route.url, route });
      });
    },
  });
  const scopes = new Map<string, string | undefined>();
  for (const { url, route } of seen) {
    for (const method of [route.method].flat()) scopes.set(`${method} ${url}`, route.config?.scope);
  }
  return { app, scopes };
}

test('every route has the scope of this table, and HEAD that of its GET', async (t) => {
  const { scopes } = await scopesOf(t);
  const expected = table
    .trim()
    .split('\n')
    .map((line) => line.trim().split(/ +/));
  const rows = [...scopes].filter(([route]) => !route.startsWith('HEAD '));
  assert.deepEqual(
    rows.map(([route, scope]) => `${route} ${scope}`).sort(),
    expected.map((row) => row.join(' ')).sort(),
  );
  for (const [route, scope] of rows) {
    if (route.startsWith('GET ')) assert.equal(scopes.get(route.replace('GET', 'HEAD')), scope, route);
  }
});

test('the API description says of each operation what its route declares', async (t) => {
  const { app, scopes } = await scopesOf(t);
  const { paths } = app.swagger() as { paths: Record<string, Record<string, { security?: unknown }>> };
  let operations = 0;
  for (const [path, item] of Object.entries(paths)) {
    for (const [method, { security }] of Object.entries(item)) {
      const scope = scopes.get(`${method.toUpperCase()} ${path.replaceAll(/\{(\w+)\}/g, ':$1')}`);
      const said = scope === 'any' ? [] : [scope];
      assert.deepEqual(
        security,
        scope === 'public' ? undefined : [{ apiKey: said }, {}],
        `${method} ${path}`,
      );
      operations++;
    }
  }
  assert.ok(operations > 30, `${operations}`);
});

test('a route that declares no scope keeps the application from starting, and the reason names it', async (t) => {
  for (const options of [{}, { config: {} }, { schema: { hide: true } }] as object[]) {
    const started = build(t, {
      extend: (app) => {
        app.post('/v1/anything', options, async () => 'open');
      },
    });
    await assert.rejects(started, /config: \{ scope \}; without it: POST \/v1\/anything$/);
  }
  const nested = build(t, {
    extend: (app) => {
      void app.register(async (child) => child.get('/healthy', async () => 'open'), { prefix: '/v1' });
    },
  });
  await assert.rejects(nested, /without it: GET \/v1\/healthy; HEAD \/v1\/healthy$/);
});

test('a route reaches the services as its caller may use them, and no others', async (t) => {
  const early: unknown[] = [];
  const built = await buildWithKeys(t, [{ concepts: ['pirate'] }, {}], {
    extend: (app) => {
      app.addHook('onRequest', async ({ services }) => {
        early.push(services);
      });
      app.get('/names', { config: { scope: 'any' } }, async ({ services }) =>
        services.concepts.names('tiny'),
      );
    },
  });
  const names = async (secret: string | undefined) =>
    (await built.app.inject({ url: '/names', headers: built.with(secret) })).json() as unknown;
  const [narrow, wide] = built.secrets;
  const both = await Promise.all([names(narrow), names(wide), names(narrow)]);
  assert.deepEqual(both, [['pirate'], ['ocean', 'pirate'], ['pirate']]);
  assert.deepEqual(early, [undefined, undefined, undefined], 'none before the request is admitted');
  assert.ok(!('services' in built.app));
});
