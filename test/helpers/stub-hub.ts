/**
 * A hub of our own on a free port: repositories in memory, Hugging Face's paths, headers and redirects, and faults on
 * request. Large files come from a second origin, as a CDN would send them.
 */
import { createHash } from 'node:crypto';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { TestContext } from 'node:test';

export interface StubRequest {
  readonly origin: 'hub' | 'cdn';
  readonly method: string;
  readonly url: string;
  readonly authorization: string | undefined;
  readonly range: string | undefined;
  readonly ifRange: string | undefined;
}

/** What to do to one answer that carries a file's bytes. */
export interface Fault {
  /** Cuts the connection after so many bytes of the body. */
  readonly cutAfter?: number;
  /** Ends the body early as if it were whole: no length is told. */
  readonly endAfter?: number;
  /** Sends nothing more after so many bytes, and keeps the connection. */
  readonly stallAfter?: number;
  /** Answers with this status. */
  readonly status?: number;
  readonly headers?: Readonly<Record<string, string>>;
  /** Sends other bytes. */
  readonly bytes?: Buffer;
  /** Sends the file whole whatever range was asked for. */
  readonly ignoreRange?: boolean;
  /** Bytes a second, about. */
  readonly speed?: number;
}

export interface StubOptions {
  readonly repository?: string;
  readonly files: Readonly<Record<string, Buffer>>;
  /** Needed for everything when given. */
  readonly token?: string;
  /** Files over so many bytes are LFS files on the CDN. */
  readonly lfsFrom?: number;
  /** Asked before each answer with bytes; `count` is how often this file was asked for before. */
  readonly fault?: (path: string, count: number, request: StubRequest) => Fault | undefined;
  /** Changes the description. */
  readonly info?: (info: Info) => unknown;
}

export interface Info {
  id: string;
  sha: string;
  siblings: { rfilename: string; size: number; blobId: string; lfs?: { sha256: string; size: number } }[];
}

export interface StubHub {
  readonly endpoint: string;
  readonly cdn: string;
  readonly commit: string;
  readonly repository: string;
  readonly requests: StubRequest[];
  /** Those for a file's bytes. */
  asked(path: string): StubRequest[];
  /** Bytes of bodies that were sent, for one file. */
  sent(path: string): number;
}

const gitSha1 = (bytes: Buffer) =>
  createHash('sha1').update(`blob ${bytes.length}\0`).update(bytes).digest('hex');
export const sha256 = (bytes: Buffer | Uint8Array) => createHash('sha256').update(bytes).digest('hex');

export async function startStubHub(t: TestContext, options: StubOptions): Promise<StubHub> {
  const { files, repository = 'tester/tiny', token, lfsFrom = 4096 } = options;
  const commit = createHash('sha1').update(Object.keys(files).join()).digest('hex');
  const requests: StubRequest[] = [];
  const counts = new Map<string, number>();
  const sentBytes = new Map<string, number>();
  const cdn = await listening(t, (request, response) => {
    const path = decodeURIComponent(request.url?.slice('/blobs/'.length).split('?')[0] ?? '');
    void send(note('cdn', request), response, path);
  });
  const hub = await listening(t, (request, response) => answer(note('hub', request), response));

  function note(origin: 'hub' | 'cdn', { method = '', url = '', headers }: IncomingMessage): StubRequest {
    const { authorization, range } = headers;
    const noted = {
      origin,
      method,
      url,
      authorization,
      range,
      ifRange: headers['if-range'] as string | undefined,
    };
    requests.push(noted);
    return noted;
  }

  function answer(request: StubRequest, response: ServerResponse): void {
    const { pathname } = new URL(request.url, 'http://hub');
    const say = (status: number, body: unknown, headers = {}) =>
      response
        .writeHead(status, { 'content-type': 'application/json', ...headers })
        .end(JSON.stringify(body));
    if (token !== undefined && request.authorization !== `Bearer ${token}`) {
      const code = request.authorization === undefined ? 401 : 403;
      return void say(code, { error: 'gated' }, { 'x-error-code': 'GatedRepo' });
    }
    const about = /^\/api\/models\/(.+)\/revision\/([^/]+)$/.exec(pathname);
    if (about !== null) {
      if (about[1] !== repository || !['main', 'v1', commit].includes(decodeURIComponent(about[2] ?? ''))) {
        return void say(404, { error: 'not found' }, { 'x-error-code': 'RepoNotFound' });
      }
      return void say(200, options.info?.(describe()) ?? describe());
    }
    const path = decodeURIComponent(pathname.slice(`/${repository}/resolve/${commit}/`.length));
    const bytes = files[path];
    if (!pathname.startsWith(`/${repository}/resolve/${commit}/`) || bytes === undefined) {
      return void say(404, { error: 'not found' }, { 'x-error-code': 'EntryNotFound' });
    }
    if (bytes.length < lfsFrom && request.method === 'HEAD') {
      const headers = { etag: `"${gitSha1(bytes)}"`, 'content-length': bytes.length };
      return void response.writeHead(200, headers).end();
    }
    if (bytes.length < lfsFrom) return void send(request, response, path);
    response
      .writeHead(302, {
        location: `${cdn}/blobs/${encodeURIComponent(path)}?signature=${requests.length}`,
        'x-linked-etag': `"${sha256(bytes)}"`,
        'x-linked-size': bytes.length,
        'x-repo-commit': commit,
      })
      .end();
  }

  function describe(): Info {
    const siblings = Object.entries(files).map(([rfilename, bytes]) => ({
      rfilename,
      size: bytes.length,
      blobId: gitSha1(bytes),
      ...(bytes.length >= lfsFrom && {
        lfs: { sha256: sha256(bytes), size: bytes.length, pointerSize: 130 },
      }),
    }));
    return { id: repository, sha: commit, siblings };
  }

  async function send(request: StubRequest, response: ServerResponse, path: string): Promise<void> {
    const count = counts.get(path) ?? 0;
    counts.set(path, count + 1);
    const fault = options.fault?.(path, count, request) ?? {};
    if (fault.status !== undefined) return void response.writeHead(fault.status, fault.headers).end();
    const whole = fault.bytes ?? files[path] ?? Buffer.alloc(0);
    const etag = `"${gitSha1(whole)}"`;
    const asked = /^bytes=(\d+)-$/.exec(request.range ?? '')?.[1];
    const valid = request.ifRange === undefined || request.ifRange === etag;
    const from = asked === undefined || fault.ignoreRange || !valid ? 0 : Number(asked);
    if (from > 0 && from >= whole.length) {
      return void response.writeHead(416, { 'content-range': `bytes */${whole.length}` }).end();
    }
    const body = whole.subarray(from, fault.endAfter === undefined ? undefined : from + fault.endAfter);
    response.writeHead(from > 0 ? 206 : 200, {
      etag,
      ...(fault.endAfter === undefined && { 'content-length': body.length }),
      ...(from > 0 && { 'content-range': `bytes ${from}-${whole.length - 1}/${whole.length}` }),
      ...fault.headers,
    });
    const limit = Math.min(body.length, fault.cutAfter ?? fault.stallAfter ?? body.length);
    const step = fault.speed === undefined ? 64 * 1024 : Math.ceil(fault.speed / 50);
    for (let at = 0; at < limit; at += step) {
      const piece = body.subarray(at, Math.min(limit, at + step));
      sentBytes.set(path, (sentBytes.get(path) ?? 0) + piece.length);
      // The next one when this one has left: what is cut off then has come this far.
      await new Promise<void>((resolve) => response.write(piece, () => resolve()));
      if (fault.speed !== undefined) await new Promise((resolve) => setTimeout(resolve, 20));
      if (response.destroyed) return;
    }
    if (fault.cutAfter !== undefined) {
      // Long enough for the other side to read what was sent.
      setTimeout(() => response.socket?.destroy(), 20);
    } else if (fault.stallAfter === undefined) response.end();
  }

  return {
    endpoint: hub,
    cdn,
    commit,
    repository,
    requests,
    asked: (path) =>
      requests.filter(
        ({ origin, url }) =>
          origin === ((files[path]?.length ?? 0) < lfsFrom ? 'hub' : 'cdn') &&
          decodeURIComponent(url).includes(path),
      ),
    sent: (path) => sentBytes.get(path) ?? 0,
  };
}

async function listening(
  t: TestContext,
  handler: (request: IncomingMessage, response: ServerResponse) => void,
): Promise<string> {
  const server: Server = createServer(handler);
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  t.after(() => {
    server.closeAllConnections();
    server.close();
  });
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}
