import type { FastifyPluginAsyncZod } from 'fastify-type-provider-zod';
import { judgeGiven } from '../../../src/fitting/measure/judge-given.js';
import { keepLoaded } from '../../../src/models/model.js';
import { errorResponses } from '../../../src/schemas/errors.js';
import { Judgement, JudgeRequest } from '../../../src/schemas/judge.js';

const judges: FastifyPluginAsyncZod = async (app) => {
  app.post(
    '/judge',
    {
      config: { scope: 'completions' },
      schema: {
        operationId: 'judgeAnswers',
        tags: ['steering'],
        summary: 'Read answers as a calibration does',
        description:
          'The unsteered model reads answers that are given: what they show of a concept against decoys, how fluent they are, and whether they answer their question. Nothing is written and nothing steers. Few of these, sweeps and calibrations run at once; more are 429.',
        body: JudgeRequest,
        response: { 200: Judgement, ...errorResponses(400, 404, 413, 415, 429, 500, 503, 504) },
      },
    },
    async ({ body, services: { models } }, reply) => {
      const signal = app.answers.signalFor(reply.raw);
      const model = await models.get(body.model, signal);
      return app.measurements.run(() => keepLoaded(model, () => judgeGiven(body, model, signal), signal));
    },
  );
};

export default judges;
