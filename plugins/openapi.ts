/** The API's description, made from the routes' schemas, and its pages under /docs. */
import swagger from '@fastify/swagger';
import swaggerUi from '@fastify/swagger-ui';
import type { FastifyInstance } from 'fastify';
import fp from 'fastify-plugin';
import { jsonSchemaTransform, jsonSchemaTransformObject } from 'fastify-type-provider-zod';
import { packageVersion } from '../src/common/package.js';
import { finishDocument, scopeField } from '../src/server/openapi-document.js';
import { withScope } from '../src/server/route-scopes.js';

const description = `OpenAI's API with steering: send \`concept\` and \`strength\` and the model's activations
are edited while it writes. Errors have OpenAI's shape everywhere.`;

async function openapi(app: FastifyInstance): Promise<void> {
  await app.register(swagger, {
    openapi: {
      openapi: '3.1.0',
      info: {
        title: 'steerd',
        description,
        version: packageVersion,
        license: { name: 'Apache-2.0', identifier: 'Apache-2.0' },
      },
      tags: [
        { name: 'completions', description: 'Steered and plain completions' },
        { name: 'concepts', description: 'What can be steered by' },
        { name: 'fits', description: 'Jobs that make concepts' },
        { name: 'ollama', description: "Ollama's API: the same answers, for its clients" },
        { name: 'steering', description: 'What concepts do to texts' },
        { name: 'models', description: 'What answers' },
        { name: 'keys', description: 'Who may do what' },
        { name: 'server', description: 'How the server is' },
      ],
    },
    transform: (input) => {
      const { schema, url } = jsonSchemaTransform(input);
      return { schema: { ...schema, [scopeField]: input.route.config?.scope }, url };
    },
    transformObject: (input) => finishDocument(jsonSchemaTransformObject(input)),
  });
  // Relative, so that the pages work behind a proxy that serves this under a path of its own. Without the slash the page
  // would name its files by absolute paths.
  app.addHook('onRequest', async ({ url, method }, reply) => {
    if (method === 'GET' && url.split('?', 1)[0] === '/docs') return reply.redirect('docs/');
  });
  await withScope(app, 'public', () =>
    app.register(swaggerUi, {
      routePrefix: '/docs',
      transformSpecification: (document) => ({ ...document, servers: [{ url: '..' }] }),
      transformSpecificationClone: false,
    }),
  );
}

export default fp(openapi, { name: 'openapi', dependencies: ['web-pages'] });
