/** Chooses the KV cache for a session: by the graph's layout, and by the memory that the session computes in. */
import { Session } from '../../ort/session.js';
import type { ModelSpec } from '../model-spec.js';
import { DeviceKvCache } from './device-kv-cache.js';
import { DynamicKvCache } from './dynamic-kv-cache.js';
import { HostKvCache } from './host-kv-cache.js';
import type { KvCache } from './kv-cache.js';
import { rowCopyGraph } from './row-copier.js';

/** A cache with slots for sequences. @throws OrtError when the device has too little memory. */
export async function openKvCache(
  spec: ModelSpec,
  session: Session,
  slots: number,
  capacity: number,
): Promise<KvCache> {
  const { device } = session;
  if (!device || spec.kvLayout === 'concatenated') return choose(spec, session, slots, capacity, null);
  const settings = { threads: 1, weightsDirectory: '.', spinning: false, device };
  return choose(spec, session, slots, capacity, await Session.create(rowCopyGraph(spec), settings));
}

/** A cache with a scratch row alone. @throws OrtError when the device has too little memory. */
export function openScratchCache(spec: ModelSpec, session: Session, capacity: number): KvCache {
  return choose(spec, session, 0, capacity, null);
}

function choose(
  spec: ModelSpec,
  session: Session,
  slots: number,
  capacity: number,
  rowCopies: Session | null,
): KvCache {
  const { deviceMemory } = session;
  if (spec.kvLayout === 'concatenated') return new DynamicKvCache(spec, deviceMemory, slots, capacity);
  return deviceMemory
    ? new DeviceKvCache(spec, deviceMemory, slots, capacity, rowCopies)
    : new HostKvCache(spec, slots, capacity);
}
