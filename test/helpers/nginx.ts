/** Debian's nginx before a server of a test, configured by nothing but `proxy_pass`. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { TestContext } from 'node:test';
import { setTimeout as pause } from 'node:timers/promises';

const program = '/usr/sbin/nginx';

/** Why there is no nginx, and what would help; null when there is one. */
export const noNginx: string | null = existsSync(program)
  ? null
  : `${program} is missing: apt-get install nginx-light`;

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  server.close();
  await once(server, 'close');
  return port;
}

/**
 * @param upstream the server's URL
 * @param path under which the proxy has it, such as `/llm/`
 * @returns the URL of that path
 */
export async function proxied(t: TestContext, upstream: string, path: string): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'steerd-nginx-'));
  const port = await freePort();
  const temporary = ['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi'].map(
    (name) => `${name}_temp_path ${folder}/${name};`,
  );
  await writeFile(
    join(folder, 'nginx.conf'),
    `daemon off;
    pid ${folder}/nginx.pid;
    error_log stderr;
    events {}
    http {
      access_log off;
      ${temporary.join(' ')}
      server {
        listen 127.0.0.1:${port};
        location ${path} { proxy_pass ${upstream}/; }
      }
    }`,
  );
  const nginx = spawn(program, ['-e', 'stderr', '-c', join(folder, 'nginx.conf'), '-p', folder], {
    stdio: ['ignore', 'ignore', 'pipe'],
  });
  let told = '';
  nginx.stderr.on('data', (chunk: Buffer) => {
    told += chunk;
  });
  const exited = once(nginx, 'exit');
  t.after(async () => {
    nginx.kill('SIGTERM');
    await exited;
    await rm(folder, { recursive: true, force: true });
  });
  const url = `http://127.0.0.1:${port}${path}`;
  while (
    !(await fetch(url).then(
      () => true,
      () => false,
    ))
  ) {
    if (nginx.exitCode !== null) throw new Error(`nginx ended: ${told}`);
    await pause(20);
  }
  return url;
}
