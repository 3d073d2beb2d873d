/** The event log of one fit. */
import { JobEventLog, statusOf } from '../common/job-event-log.js';
import type { FitEvent, FitJob, FitLayer } from '../schemas/fit-jobs.js';

export class FitEventLog extends JobEventLog<FitEvent> {
  /** A job's new status; the status of a finished job ends the log. */
  status(job: FitJob): void {
    const { data, ...status } = statusOf(job);
    this.tell({ object: 'fit.event', ...status, data: { ...data, concept: job.concept } }, job);
  }

  progress(stage: string, done: number, total: number): void {
    const message = `${stage} ${done}/${total}`;
    const data = { stage, done, total };
    this.add(
      { object: 'fit.event', type: 'progress', level: 'info', message, data },
      (event) => event.type === 'progress' && event.data.stage === stage,
    );
  }

  layer(data: FitLayer): void {
    this.add({ object: 'fit.event', type: 'layer', level: 'info', message: `layer ${data.layer}`, data });
  }
}
