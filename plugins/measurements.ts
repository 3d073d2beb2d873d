/** Sweeps and calibrations share one limit. */
import type { FastifyInstance } from 'fastify';
import fp from 'fastify-plugin';
import { MeasurementLimit } from '../src/fitting/measure/measurement-limit.js';

declare module 'fastify' {
  interface FastifyInstance {
    readonly measurements: MeasurementLimit;
  }
}

/** Two fill the half of the usual slots that background work may take; two more do what lies between the batches. */
const mostMeasurements = 4;

async function measurements(app: FastifyInstance): Promise<void> {
  app.decorate('measurements', new MeasurementLimit(mostMeasurements));
}

export default fp(measurements, { name: 'measurements' });
