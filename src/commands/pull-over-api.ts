/** A pull on a running server, into the server's models directory, from the hub that it is set to. */
import type { PullEvent, PullJob } from '../schemas/pulls.js';
import type { Api } from './api.js';
import type { DownloadProgress } from './download-progress.js';
import { type JobKind, jobOverApi } from './job-over-api.js';

const pulls: JobKind = {
  start: '/v1/models/pull',
  jobs: '/v1/models/pulls',
  cancel: (job) => [job, { method: 'DELETE' }],
  name: 'pull',
};

/**
 * @param request as `POST /v1/models/pull` takes it
 * @returns the job, which has succeeded
 * @throws ApiError when it was refused or has failed; Interrupted, when the server has stopped it too
 */
export function pullOverApi(api: Api, request: object, progress: DownloadProgress): Promise<PullJob> {
  return jobOverApi<PullJob, PullEvent>(api, pulls, request, ({ type, data }) => {
    if (type === 'progress') progress.update(data);
    else if (type === 'choice') {
      const { commit, file, quantization, precision } = data;
      const graph = file === null ? `built from safetensors as ${precision}` : file;
      const told = file === null ? '' : ` (${quantization ?? 'quantisation not told by its name'})`;
      progress.say(`commit ${commit?.slice(0, 12)}: ${graph}${told}`);
    }
  });
}
