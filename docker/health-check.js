/** The images' HEALTHCHECK: ends with 0 when the server in this container can answer completions. */
const anyAddress = { '0.0.0.0': '127.0.0.1', '::': '[::1]' };
const { STEERD_HOST, HOST, STEERD_PORT, PORT } = process.env;
const host = STEERD_HOST?.trim() || HOST?.trim() || '127.0.0.1';
// Kubernetes sets STEERD_PORT to an address beside a service called steerd.
const own = STEERD_PORT?.includes('://') ? '' : STEERD_PORT?.trim();
const port = own || PORT?.trim() || '8080';
const address = anyAddress[host] ?? (host.includes(':') && !host.startsWith('[') ? `[${host}]` : host);

try {
  const reply = await fetch(`http://${address}:${port}/ready`, { signal: AbortSignal.timeout(4000) });
  process.stdout.write(`${reply.status} ${(await reply.text()).slice(0, 1000)}\n`);
  process.exitCode = reply.ok ? 0 : 1;
} catch (error) {
  process.stdout.write(`${error.cause?.message ?? error.message}\n`);
  process.exitCode = 1;
}
