import type { FastifyPluginAsyncZod } from 'fastify-type-provider-zod';
import { z } from 'zod';
import { fileFormat } from '../../src/common/file-kind.js';
import { exportVectors, storeComposition, storeVectors } from '../../src/concepts/vector-exchange.js';
import { askedFormat, binaryTypes, mediaTypes } from '../../src/concepts/vector-formats.js';
import { shortFile } from '../../src/concepts/vector-reader.js';
import { modelId } from '../../src/models/registry.js';
import { largerBodies } from '../../src/schemas/body-limits.js';
import { ConceptVectors, VectorEncoding, vectorFormats } from '../../src/schemas/concept-vectors.js';
import { ComposeRequest, ConceptObject, ConceptParams } from '../../src/schemas/concepts.js';
import { errorResponses } from '../../src/schemas/errors.js';
import { ModelQuery } from '../../src/schemas/models.js';
import { toConceptObject } from '../../src/server/concept-object.js';
import { jsonParser } from '../../src/server/json-bodies.js';

const tags = ['concepts'];
const format = z.enum(vectorFormats).optional().meta({
  description:
    'Beats Accept; for an import, what the body must be. `gguf` is a control vector of llama.cpp, repeng and EasySteer; `npz` and `npy` are for NumPy.',
});
const ExportQuery = ModelQuery.extend({ format, encoding: VectorEncoding.default('float') });
const whole = 'must be a whole number from 0';
const count = z.coerce.number({ error: whole }).int({ error: whole }).min(0, { error: whole });
const ImportQuery = ModelQuery.extend({
  format,
  feature: count.optional().meta({
    description:
      "Of a sparse autoencoder's file (`W_dec`, `decoder.weight`, `decoder_row`): which row of the decoder.",
  }),
  layer: count.optional().meta({
    description:
      'The block, from 0, whose output the autoencoder reads, or at which one vector [H] alone is added.',
  }),
  scale: z.coerce
    .number({ error: 'must be a number' })
    .optional()
    .meta({ description: 'Strength 1 adds the row times this; 1 where neither this nor the file says.' }),
  force: z.enum(['true', 'false']).default('false').meta({
    description:
      'Take vectors made for another export if width and depth fit. Its readings and calibration are not kept: they count as not calibrated.',
  }),
});
const binary = z.custom<Uint8Array>().meta({ type: 'string', format: 'binary' });
const VectorsBody = z.custom<unknown>().meta({ $ref: '#/components/schemas/ConceptVectorsImport' });
const conceptVectors: FastifyPluginAsyncZod = async (app) => {
  await app.register(uploads);

  app.get(
    '/concepts/:name/vectors',
    {
      config: { scope: 'concepts:read' },
      schema: {
        operationId: 'exportConceptVectors',
        tags,
        summary: 'Export a concept as JSON, safetensors, GGUF control vector or NumPy arrays',
        params: ConceptParams,
        querystring: ExportQuery,
        response: {
          200: {
            description:
              'In GGUF and in the one array of npy each direction has the length that strength 1 adds; npz has it apart',
            content: {
              'application/json': { schema: ConceptVectors },
              [mediaTypes.safetensors[0]]: { schema: binary },
              [mediaTypes.gguf[0]]: { schema: binary },
              [mediaTypes.npz[0]]: { schema: binary },
              [mediaTypes.npy[0]]: { schema: binary },
            },
          },
          ...errorResponses(400, 404, 409, 500, 503),
        },
      },
    },
    async ({ params: { name }, query, headers, services: { models, concepts } }, reply) => {
      const format = askedFormat(query.format, headers.accept);
      const file = await exportVectors(models, concepts, {
        model: await modelId(models, query.model),
        name,
        format,
        encoding: query.encoding,
      });
      // Already in its final form: not to be checked number by number again.
      reply.serializer((payload: string) => payload).type(mediaTypes[format][0]);
      if (format !== 'json') reply.header('content-disposition', `attachment; filename="concept.${format}"`);
      return reply.send((typeof file === 'string' ? file : Buffer.from(file)) as Uint8Array);
    },
  );

  app.post(
    '/concepts/:name/compose',
    {
      config: { scope: 'concepts:write' },
      schema: {
        operationId: 'composeConcept',
        tags,
        summary: 'Make a concept of others: sums, negation, scaling',
        params: ConceptParams,
        body: ComposeRequest,
        response: { 200: ConceptObject, ...errorResponses(400, 404, 409, 413, 415, 500, 503, 507) },
      },
    },
    async ({ params: { name }, body, services: { models, concepts } }, reply) => {
      const model = await modelId(models, body.model);
      const signal = app.answers.signalFor(reply.raw);
      return toConceptObject(await storeComposition(concepts, model, name, body, signal));
    },
  );
};

/** Apart, for here any content type is read: the bytes say what they are. */
const uploads: FastifyPluginAsyncZod = async (app) => {
  app.addContentTypeParser('*', { parseAs: 'buffer' }, async (_: unknown, bytes: Buffer) => bytes);
  const parse = jsonParser(app);
  app.removeContentTypeParser('application/json');
  app.addContentTypeParser('application/json', { parseAs: 'buffer' }, (request, bytes: Buffer, done) => {
    // Some clients call everything that they send JSON.
    const format = bytes.length > shortFile ? null : fileFormat(bytes);
    if (format === undefined || format === 'json') parse(request, bytes, done);
    else done(null, bytes);
  });

  app.put(
    '/concepts/:name/vectors',
    {
      config: { scope: 'concepts:write' },
      bodyLimit: largerBodies('vectors', app.initialConfig.bodyLimit),
      schema: {
        operationId: 'importConceptVectors',
        tags,
        summary: 'Make a concept of vectors: JSON, safetensors, a GGUF control vector or NumPy arrays',
        description:
          'The body is the file, of whatever content type: its first bytes say which format it is. Strength 1 of the concept adds what the file says. Unit vectors are kept as they are; the length of others becomes their coefficient.',
        consumes: ['application/json', ...binaryTypes],
        params: ConceptParams,
        querystring: ImportQuery,
        body: VectorsBody,
        response: { 200: ConceptObject, ...errorResponses(400, 404, 413, 415, 429, 500, 503, 507) },
      },
    },
    async ({ params: { name }, query, headers, body, services: { models, concepts } }, reply) => {
      const options = {
        model: query.model,
        name,
        format: query.format,
        contentType: headers['content-type'],
        force: query.force === 'true',
        sae: { feature: query.feature, layer: query.layer, scale: query.scale },
      };
      const signal = app.answers.signalFor(reply.raw);
      return toConceptObject(await storeVectors(models, concepts, body, options, signal));
    },
  );
};

export default conceptVectors;
