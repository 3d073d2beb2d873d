/** Why an address cannot be listened on, and what to do: for the start and for `steerd doctor`. */
import { ConfigError } from '../config.js';

/** @param code of the system's error, such as EADDRINUSE */
export function listenCure(code: string): string {
  if (code === 'EADDRINUSE') return 'end the program that has it, or set STEERD_PORT (--port) to another';
  if (code === 'EACCES') return 'take a port from 1024 on, or let nginx listen: docs/guides/deploying.md';
  return 'set STEERD_HOST to an address of this machine';
}

/** @throws ConfigError for what an address is refused for; any other error as it is */
export function throwListenFault(error: unknown, host: string, port: number): never {
  const { code, syscall } = error as NodeJS.ErrnoException;
  if (code === undefined || (syscall !== 'listen' && syscall !== 'getaddrinfo')) throw error;
  throw new ConfigError(`${host}:${port} cannot be listened on (${code}): ${listenCure(code)}.`);
}
