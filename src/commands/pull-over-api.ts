/** A pull on a running server, into the server's models directory, from the hub that it is set to. */
import type { PullEvent, PullJob } from '../schemas/pulls.js';
import type { Api } from './api.js';
import type { DownloadProgress } from './download-progress.js';
import { askForJob, followJob } from './follow-job.js';

/**
 * @param request as `POST /v1/models/pull` takes it
 * @returns the job, which has succeeded
 * @throws ApiError when it was refused or has failed; Interrupted, when the server has stopped it too
 */
export async function pullOverApi(api: Api, request: object, progress: DownloadProgress): Promise<PullJob> {
  const { id } = await askForJob<PullJob>(api, '/v1/models/pull', request);
  const path = `/v1/models/pulls/${id}`;
  const show = ({ type, data }: PullEvent) => {
    if (type === 'progress') progress.update(data);
    else if (type === 'choice') {
      const { commit, file, quantization, precision } = data;
      const graph = file === null ? `built from safetensors as ${precision}` : file;
      const told = file === null ? '' : ` (${quantization ?? 'quantisation not told by its name'})`;
      progress.say(`commit ${commit?.slice(0, 12)}: ${graph}${told}`);
    }
  };
  return followJob<PullJob, PullEvent>(api, { path, cancel: [path, 'DELETE'], what: 'the pull' }, show);
}
