/** What happened in one import. */
import { shownBytes } from '../../common/byte-size.js';
import { JobEventLog, statusOf } from '../../common/job-event-log.js';
import type { ImportEvent, ImportJob } from '../../schemas/imports.js';
import type { ImportPlan, ImportProgress } from './import.js';

const object = 'model.import.event' as const;

export class ImportEventLog extends JobEventLog<ImportEvent> {
  /** A job's new status; the last one of a job that is over ends the log. */
  status(job: ImportJob): void {
    this.tell({ object, ...statusOf(job) }, job);
  }

  plan(plan: ImportPlan): void {
    const { architecture, precision, from, to } = plan;
    const message = `${architecture} of ${shownBytes(from)} as ${precision}: about ${shownBytes(to)}`;
    this.add({ object, type: 'plan', level: 'info', message, data: { ...plan } });
  }

  progress({ stage, done, total }: ImportProgress): void {
    const message = `${stage}: ${shownBytes(done)} of ${shownBytes(total)}`;
    this.add(
      { object, type: 'progress', level: 'info', message, data: { stage, done, total } },
      (event) => event.type === 'progress' && event.data.stage === stage,
    );
  }
}
