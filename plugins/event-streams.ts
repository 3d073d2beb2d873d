/** Replies of server-sent events. What breaks a stream is logged and becomes its last event, as an error's body. */
import type { Readable } from 'node:stream';
import type { FastifyInstance, FastifyReply } from 'fastify';
import fp from 'fastify-plugin';
import type { JobEvent } from '../src/common/job-event-log.js';
import { shapedError } from '../src/http/error-reply.js';
import {
  event,
  eventStream,
  eventStreamHeaders,
  jobEvents,
  lineStream,
  lineStreamHeaders,
} from '../src/http/event-stream.js';
import type { FollowedLog } from '../src/jobs/jobs.js';

type JobLog = FollowedLog<JobEvent & { readonly type: string }>;

declare module 'fastify' {
  interface FastifyReply {
    /** @returns the body of a stream of `events`, each as src/http/event-stream.ts writes it */
    eventStream(events: AsyncIterable<string>): Readable;
    /**
     * @param nothing a line that adds nothing, for while the next one is waited for
     * @returns the body of a stream of `lines`, each JSON with its line end
     */
    lineStream(lines: AsyncIterable<string>, nothing: () => string): Readable;
    /**
     * The events of a job after the one that `last-event-id` names.
     * @returns the body; null, with status 204, when the job has ended and the client has its last event
     */
    jobEventStream(log: JobLog): Promise<Readable | null>;
  }
}

async function eventStreams(app: FastifyInstance): Promise<void> {
  app.decorateReply('eventStream', function (this: FastifyReply, events: AsyncIterable<string>): Readable {
    this.headers(eventStreamHeaders);
    const shape = this.request.routeOptions.config?.errorShape ?? 'openai';
    return eventStream(events, (error) => {
      const json = JSON.stringify(shapedError(this.request.explain(error), shape));
      return event(json, shape === 'anthropic' ? { name: 'error' } : {});
    });
  });
  app.decorateReply(
    'lineStream',
    function (this: FastifyReply, lines: AsyncIterable<string>, nothing: () => string): Readable {
      this.headers(lineStreamHeaders);
      const shape = this.request.routeOptions.config?.errorShape ?? 'openai';
      return lineStream(
        lines,
        nothing,
        (error) => `${JSON.stringify(shapedError(this.request.explain(error), shape))}\n`,
      );
    },
  );
  app.decorateReply(
    'jobEventStream',
    async function (this: FastifyReply, log: JobLog): Promise<Readable | null> {
      const after = Number(this.request.headers['last-event-id'] ?? 0);
      if (await log.isOver(after)) {
        // A browser's EventSource would ask again for ever after any other status.
        this.code(204);
        return null;
      }
      return this.eventStream(jobEvents(log.read(app.answers.signalFor(this.raw), { after })));
    },
  );
}

export default fp(eventStreams, { name: 'event-streams', dependencies: ['errors', 'running-answers'] });
