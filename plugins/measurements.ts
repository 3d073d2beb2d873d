/** Sweeps and calibrations share one limit. */
import type { FastifyInstance } from 'fastify';
import fp from 'fastify-plugin';
import { MeasurementLimit } from '../src/fitting/measure/measurement-limit.js';

declare module 'fastify' {
  interface FastifyInstance {
    readonly measurements: MeasurementLimit;
  }
}

/** With the default slots, two fill the half that background work may take; two more use the time between batches. */
const mostMeasurements = 4;

async function measurements(app: FastifyInstance): Promise<void> {
  app.decorate('measurements', new MeasurementLimit(mostMeasurements));
}

export default fp(measurements, { name: 'measurements' });
