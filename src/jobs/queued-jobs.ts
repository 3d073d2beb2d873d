/**
 * Jobs of one kind as the rest of the program has them: all that its queue does but adding, for which each kind has words of its own.
 */
import type { JobEvent } from '../common/job-event-log.js';
import type { QueueJob } from '../common/job-task.js';
import type { Awaitable, FollowedLog, JobCounts, Jobs, Queue } from './jobs.js';

export abstract class QueuedJobs<Job extends QueueJob, Request, Event extends JobEvent>
  implements Jobs<Job, Event>
{
  constructor(protected readonly queue: Queue<Job, Request, Event>) {}

  get(id: string): Awaitable<Job | undefined> {
    return this.queue.get(id);
  }

  list(): Awaitable<Job[]> {
    return this.queue.list();
  }

  events(id: string): Awaitable<FollowedLog<Event> | undefined> {
    return this.queue.events(id);
  }

  counts(): Awaitable<JobCounts> {
    return this.queue.counts();
  }

  unfinished(): readonly Job[] {
    return this.queue.unfinished();
  }

  cancel(id: string): Promise<Job> {
    return this.queue.cancel(id);
  }

  close(): Promise<void> {
    return this.queue.close();
  }
}
