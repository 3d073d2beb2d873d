import type { FastifyPluginAsyncZod } from 'fastify-type-provider-zod';
import { z } from 'zod';
import { errors } from '../../src/errors.js';
import { errorResponses } from '../../src/schemas/errors.js';
import { FitJob, FitList, FitRequest } from '../../src/schemas/fits.js';

const tags = ['fits'];
const FitParams = z.object({ id: z.string().meta({ examples: ['fit-5c1f0a9be2d34c7788aa01f2'] }) });

const fits: FastifyPluginAsyncZod = async (app) => {
  app.post(
    '/fits',
    {
      schema: {
        operationId: 'createFit',
        tags,
        summary: 'Fit a concept',
        description:
          'The model answers questions with and without the prefix; the difference is the concept.',
        body: FitRequest,
        response: { 200: FitJob, ...errorResponses(400, 404, 413, 415, 429, 500, 503) },
      },
    },
    async (request) => app.services.fits.create(request.body),
  );

  app.get(
    '/fits',
    {
      schema: {
        operationId: 'listFits',
        tags,
        summary: 'List the fits, newest first',
        response: { 200: FitList, ...errorResponses(500) },
      },
    },
    async () => ({ object: 'list' as const, data: app.services.fits.list() }),
  );

  app.get(
    '/fits/:id',
    {
      schema: {
        operationId: 'retrieveFit',
        tags,
        summary: 'Tell how a fit is doing',
        params: FitParams,
        response: { 200: FitJob, ...errorResponses(404, 500) },
      },
    },
    async ({ params: { id } }) => {
      const job = app.services.fits.get(id);
      if (job === undefined) throw errors.fitNotFound(id);
      return job;
    },
  );

  app.post(
    '/fits/:id/cancel',
    {
      schema: {
        operationId: 'cancelFit',
        tags,
        summary: 'Cancel a fit',
        params: FitParams,
        response: { 200: FitJob, ...errorResponses(404, 409, 500) },
      },
    },
    async ({ params: { id } }) => app.services.fits.cancel(id),
  );
};

export default fits;
