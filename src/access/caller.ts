/**
 * Who a request is from, known wherever the request's work runs. Services ask it (restricted-services.ts), so that no
 * route can forget to.
 */
import { AsyncLocalStorage } from 'node:async_hooks';
import type { KnownKey } from './key-store.js';
import type { KeyUsage } from './key-usage.js';

export interface Caller {
  readonly key: KnownKey;
  readonly usage: KeyUsage;
}

const storage = new AsyncLocalStorage<Caller>();

/** Undefined for anonymous requests and for work that belongs to none. */
export const currentCaller = (): Caller | undefined => storage.getStore();

export const runAs = <T>(caller: Caller, work: () => T): T => storage.run(caller, work);
