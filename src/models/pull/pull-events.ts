/** What happened in one pull. */
import { shownBytes } from '../../common/byte-size.js';
import { JobEventLog, statusOf } from '../../common/job-event-log.js';
import type { PullEvent, PullJob } from '../../schemas/pulls.js';
import type { PullPlan, PullProgress } from './pull.js';

const object = 'model.pull.event' as const;

export class PullEventLog extends JobEventLog<PullEvent> {
  /** A job's new status; the last one of a job that is over ends the log. */
  status(job: PullJob): void {
    this.tell({ object, ...statusOf(job) }, job);
  }

  choice({ commit, choice, precision, source, because }: PullPlan): void {
    const { path: file = null, quantization = null } = choice?.graph ?? {};
    const others = choice?.others ?? [];
    const built = `${source}, built as ${precision}${because === undefined ? '' : `, for ${because}`}`;
    const what = file ?? built;
    this.add({
      object,
      type: 'choice',
      level: 'info',
      message: `${what} at commit ${commit.slice(0, 12)}`,
      data: { commit, file, quantization, precision, others: others.map(({ path }) => path) },
    });
  }

  progress({ stage, done, total }: PullProgress): void {
    const message = total === 0 ? stage : `${stage}: ${shownBytes(done)} of ${shownBytes(total)}`;
    this.add(
      { object, type: 'progress', level: 'info', message, data: { stage, done, total } },
      (event) => event.type === 'progress' && event.data.stage === stage,
    );
  }
}
