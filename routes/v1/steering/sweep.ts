import type { FastifyPluginAsyncZod } from 'fastify-type-provider-zod';
import { sweep } from '../../../src/fitting/measure/sweep.js';
import { keepLoaded } from '../../../src/models/model.js';
import { errorResponses } from '../../../src/schemas/errors.js';
import { Sweep, SweepRequest } from '../../../src/schemas/measurements.js';

const sweeps: FastifyPluginAsyncZod = async (app) => {
  app.post(
    '/sweep',
    {
      config: { scope: 'completions' },
      schema: {
        operationId: 'sweepSteering',
        tags: ['steering'],
        summary: 'Compare strengths and concepts',
        description:
          'Every prompt under every concept at every strength, in one batch; each answer with what it shows of the concept and how well it reads. Few sweeps and calibrations run at once; more are 429.',
        body: SweepRequest,
        response: { 200: Sweep, ...errorResponses(400, 404, 409, 413, 415, 429, 500, 503, 504) },
      },
    },
    async ({ body, services }, reply) => {
      const { models, concepts } = services;
      const signal = app.answers.signalFor(reply.raw);
      const model = await models.get(body.model, signal);
      return app.measurements.run(() =>
        keepLoaded(model, () => sweep(body, model, concepts, signal), signal),
      );
    },
  );
};

export default sweeps;
