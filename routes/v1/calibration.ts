import type { FastifyPluginAsyncZod } from 'fastify-type-provider-zod';
import { calibrateStored } from '../../src/fitting/measure/calibrate-stored.js';
import { ConceptObject, ConceptParams } from '../../src/schemas/concepts.js';
import { errorResponses } from '../../src/schemas/errors.js';
import { CalibrateRequest } from '../../src/schemas/measurements.js';
import { toConceptObject } from '../../src/server/concept-object.js';

const calibration: FastifyPluginAsyncZod = async (app) => {
  app.post(
    '/concepts/:name/calibrate',
    {
      config: { scope: 'concepts:write' },
      schema: {
        operationId: 'calibrateConcept',
        tags: ['concepts'],
        summary: 'Measure what strength 1 means',
        description:
          'The model answers held-out questions plainly, told the concept, and steered at a few coefficients, and judges the answers itself. Strength 1 becomes the coefficient at which the concept, fluency and the answer to the question are best together (the harmonic mean of three scores), strength -1 what takes a told concept away; the concept gets a new version, with every measured value in `calibration.details`. Answers when it is done.',
        params: ConceptParams,
        body: CalibrateRequest.default({}),
        response: { 200: ConceptObject, ...errorResponses(400, 404, 409, 413, 415, 429, 500, 503, 504, 507) },
      },
    },
    async ({ params: { name }, body, services: { models, concepts } }, reply) => {
      const signal = app.answers.signalFor(reply.raw);
      const calibrate = () => calibrateStored(name, body, models, concepts, signal);
      return toConceptObject(await app.measurements.run(calibrate));
    },
  );
};

export default calibration;
