/** Sweeps and calibrations share one limit; those that are jobs have a queue, which ends with the application. */
import type { FastifyInstance } from 'fastify';
import fp from 'fastify-plugin';
import { MeasurementLimit } from '../src/fitting/measure/measurement-limit.js';
import { MeasurementJobs } from '../src/fitting/measurement-jobs.js';
import type { PluginOptions } from '../src/server/app.js';

declare module 'fastify' {
  interface FastifyInstance {
    readonly measurements: MeasurementLimit;
    readonly measurementJobs: MeasurementJobs;
  }
}

/** With the default slots, two fill the half that background work may take; two more use the time between batches. */
const mostMeasurements = 4;

async function measurements(app: FastifyInstance, { services }: PluginOptions): Promise<void> {
  app.decorate('measurements', new MeasurementLimit(mostMeasurements));
  const jobs = services.measurements ?? new MeasurementJobs({ services, log: app.log });
  app.decorate('measurementJobs', jobs);
  // Before connections are closed: whoever waits for a job is told its end.
  app.addHook('preClose', () => jobs.close());
}

export default fp(measurements, { name: 'measurements' });
