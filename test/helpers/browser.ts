/** A real browser (Debian's chromium, headless) that opens one page and tells what its script reported. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { createServer } from 'node:http';
import { type AddressInfo, connect, createServer as createTcpServer, type Server } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

const chromium = '/usr/bin/chromium';

/** Why there is no browser, and what would help; null when there is one. */
export const noBrowser: string | null = existsSync(chromium)
  ? null
  : `${chromium} is missing: apt-get install chromium`;

/** A request as the page's script makes it; `url` may be relative to the page. */
export interface PageRequest {
  readonly url: string;
  readonly options?: RequestInit;
}

/** What the script saw of a request: the status, or `failed` where the browser gave it nothing. */
export type Seen = number | 'failed';

/** Each port of this machine under any name of `.example`: the name decides the page's origin, and the Host header. */
const namesOfThisMachine = 'MAP *.example 127.0.0.1';

async function listenAnywhere(server: Server): Promise<number> {
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return (server.address() as AddressInfo).port;
}

interface Page {
  readonly requests: readonly PageRequest[];
  /** The page's host name: something of `.example`, or 127.0.0.1. */
  readonly host: string;
  /**
   * The port of a server that the page's own name and port lead to once the page is loaded, as when a name is rebound:
   * to the browser it stays the same origin.
   */
  readonly rebindTo?: number;
}

/** Opens a page whose script makes the requests one after the other. @returns what it saw of each */
export async function browse({ requests, host, rebindTo }: Page): Promise<Seen[]> {
  let report: (seen: Seen[]) => void = () => {};
  const reported = new Promise<Seen[]>((resolve) => {
    report = resolve;
  });
  let loaded = false;
  const reports = createServer((request, reply) => {
    let text = '';
    request.on('data', (chunk: Buffer) => {
      text += chunk;
    });
    request.on('end', () => {
      reply.end();
      if (request.method === 'POST') report(JSON.parse(text) as Seen[]);
    });
  });
  const reportPort = await listenAnywhere(reports);
  const pages = createServer((request, reply) => {
    loaded ||= request.url === '/';
    reply.setHeader('content-type', 'text/html');
    // Later connections go to the server that the name is bound to then.
    reply.setHeader('connection', 'close');
    reply.end(`<script type="module">
      const seen = [];
      for (const { url, options } of ${JSON.stringify(requests)}) {
        const reply = await fetch(url, options).catch(() => null);
        seen.push(reply?.status ?? 'failed');
        await reply?.text().catch(() => {});
      }
      await fetch('http://127.0.0.1:${reportPort}/', { method: 'POST', mode: 'no-cors', body: JSON.stringify(seen) });
    </script>`);
  });
  const pagePort = await listenAnywhere(pages);
  const door = createTcpServer((socket) => {
    socket.on('error', () => {});
    // Where it leads is decided when something is asked: browsers connect ahead.
    socket.once('data', (first: Buffer) => {
      const to = connect(loaded && rebindTo !== undefined ? rebindTo : pagePort, '127.0.0.1');
      to.on('error', () => socket.destroy());
      socket.on('close', () => to.destroy());
      to.write(first);
      socket.pipe(to).pipe(socket);
    });
  });
  const port = await listenAnywhere(door);
  const profile = await mkdtemp(join(tmpdir(), 'steerd-browser-'));
  const browser = spawn(
    chromium,
    [
      '--headless',
      '--no-sandbox',
      '--disable-gpu',
      '--disable-dev-shm-usage',
      '--no-first-run',
      `--user-data-dir=${profile}`,
      `--host-resolver-rules=${namesOfThisMachine}`,
      '--no-proxy-server',
      '--remote-debugging-port=0',
      `http://${host}:${port}/`,
    ],
    { stdio: 'ignore' },
  );
  const exited = once(browser, 'exit');
  try {
    return await Promise.race([
      reported,
      exited.then(() => {
        throw new Error('the browser ended before the page reported');
      }),
    ]);
  } finally {
    browser.kill('SIGKILL');
    await exited;
    for (const server of [reports, pages]) server.closeAllConnections();
    for (const server of [reports, pages, door]) server.close();
    await rm(profile, { recursive: true, force: true, maxRetries: 10 });
  }
}
