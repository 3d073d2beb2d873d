/** What a data directory may hold, and what one API key may make of it. */
import { errors } from '../errors.js';

export interface ConceptQuota {
  readonly concepts: number;
  /** Of their vectors: layers times width times four. All of them are held in memory. */
  readonly bytes: number;
}

/** The API key that makes a concept. */
export interface ConceptMaker {
  readonly key: string;
  /** Concepts that it may have made; null for no limit of its own. */
  readonly most: number | null;
}

/**
 * @param name of the concept that shall be stored
 * @param bytes of its vectors
 * @param others how many concepts there are beside it, and the bytes of their vectors
 * @throws SteerdError concept_quota_exceeded
 */
export function checkQuota(quota: ConceptQuota, name: string, bytes: number, others: ConceptQuota): void {
  if (others.concepts >= quota.concepts) {
    throw errors.conceptQuotaExceeded(
      name,
      `${others.concepts} concepts are stored`,
      `STEERD_MAX_CONCEPTS is ${quota.concepts}`,
    );
  }
  const total = others.bytes + bytes;
  if (total > quota.bytes) {
    throw errors.conceptQuotaExceeded(
      name,
      `the concepts would take ${total} bytes`,
      `STEERD_MAX_CONCEPT_BYTES is ${quota.bytes}`,
    );
  }
}

/** @param made concepts that the key has made so far. @throws SteerdError concept_quota_exceeded */
export function checkMaker({ most }: ConceptMaker, name: string, made: number): void {
  if (most !== null && made >= most)
    throw errors.conceptQuotaExceeded(name, `this API key has made ${made}`, `it may make ${most}`);
}
