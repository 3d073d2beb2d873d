/** The application inside this process, for commands without a server: it listens to nobody and needs no keys. */
import type { LightMyRequestResponse } from 'fastify';
import { createLog } from '../common/log.js';
import type { Settings } from '../config.js';
import { errors } from '../errors.js';
import { buildApp } from '../server/app.js';
import { lockDataDirectory } from '../server/data-lock.js';
import { openServices } from '../server/open-services.js';
import { closeJobs } from '../server/server.js';
import type { Send } from './api-request.js';
import { ProgressLine } from './progress-line.js';

/** Whether a request writes to the data directory. */
const changes = (method: string, path: string) =>
  method === 'PUT' ||
  method === 'DELETE' ||
  (method === 'POST' && /^\/v1\/(concepts|fits|calibrations)\b/.test(path));

/**
 * Another server may have the same data directory: it is read beside it, and written only when there is none.
 * @param needs `model`: it is there only when its model is loaded
 * @throws whatever keeps the services from being opened or the model from being loaded; nothing is left open then
 */
export async function ownApplication(settings: Settings, needs: 'model' | 'nothing') {
  const log = createLog('error');
  // Whoever runs this process may do what its files allow: keys are for those who come over a network.
  const local = { ...settings, host: '127.0.0.1' };
  const { access: _, ...services } = await openServices(local, log, { locks: false });
  services.loaded.catch(() => {});
  const app = await buildApp(services, { settings: local, log });
  /** Once for all requests that change something: one of several at once would find the folder locked by another. */
  let locked: Promise<() => Promise<void>> | undefined;
  const lock = () => {
    locked ??= lockDataDirectory(settings.dataDirectory, log).catch((error: unknown) => {
      // Who has it may be gone when it is asked for again.
      locked = undefined;
      throw error;
    });
    return locked;
  };
  const close = async () => {
    // Whoever asked is gone.
    app.answers.cancel(errors.clientGone());
    await Promise.all([app.close(), closeJobs(services)]);
    await services.models.close();
    await services.closeShared?.();
    await (await locked?.catch(() => undefined))?.();
  };
  const progress = new ProgressLine();
  try {
    if (needs === 'model') {
      progress.update(`loading ${settings.model} ...`);
      await services.loaded;
    }
  } catch (error) {
    await close();
    throw error;
  } finally {
    progress.clear();
  }
  const send: Send = async (path, { method = 'GET', body }, signal) => {
    const bytes = body instanceof Uint8Array;
    // What a server of this folder does not know of would be lost to it, and its own changes to us.
    if (changes(method, path)) await lock();
    signal.throwIfAborted();
    const asked = app.inject({
      method,
      url: path,
      payloadAsStream: true,
      ...(body && {
        payload: bytes ? Buffer.from(body) : JSON.stringify(body),
        headers: { 'content-type': bytes ? 'application/octet-stream' : 'application/json' },
      }),
    });
    const reply = await unlessAborted(asked, signal);
    return { status: reply.statusCode, body: bodyOf(reply, signal) };
  };
  return { send, close };
}

/**
 * As a connection that is closed: an injected request knows of none, and a reply that nobody reads would wait for its reader until its
 * deadline.
 */
const leave = ({ raw }: LightMyRequestResponse): void => void raw.res.destroy();

/** @throws the signal's reason, at once; the reply is left when it comes */
function unlessAborted(asked: Promise<LightMyRequestResponse>, signal: AbortSignal) {
  return new Promise<LightMyRequestResponse>((resolve, reject) => {
    const abort = () => reject(signal.reason);
    signal.addEventListener('abort', abort, { once: true });
    asked
      .then((reply) => {
        if (signal.aborted) leave(reply);
        resolve(reply);
      }, reject)
      .finally(() => signal.removeEventListener('abort', abort));
  });
}

/** @throws the signal's reason */
async function* bodyOf(reply: LightMyRequestResponse, signal: AbortSignal): AsyncGenerator<Uint8Array> {
  const abort = () => leave(reply);
  signal.addEventListener('abort', abort, { once: true });
  try {
    yield* reply.stream();
    signal.throwIfAborted();
  } catch (error) {
    signal.throwIfAborted();
    throw error;
  } finally {
    signal.removeEventListener('abort', abort);
    leave(reply);
  }
}
