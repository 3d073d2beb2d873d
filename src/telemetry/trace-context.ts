/** W3C trace context (https://www.w3.org/TR/trace-context/): which trace a request belongs to. */
import { randomBytes } from 'node:crypto';

export interface TraceContext {
  /** 32 hex digits. */
  readonly traceId: string;
  /** 16 hex digits: this server's span. */
  readonly spanId: string;
  /** The caller's span; null when the trace begins here. */
  readonly parentId: string | null;
  readonly sampled: boolean;
}

const pattern = /^[0-9a-f]{2}-([0-9a-f]{32})-([0-9a-f]{16})-([0-9a-f]{2})(-.*)?$/;

/** The context of a request's span: a child of the `traceparent` header, or a new trace when there is none. */
export function traceContextOf(traceparent: unknown): TraceContext {
  const spanId = randomBytes(8).toString('hex');
  const [, traceId, parentId, flags = '00', rest] =
    typeof traceparent === 'string' && traceparent.length <= 512 ? (pattern.exec(traceparent) ?? []) : [];
  const known =
    traceId !== undefined &&
    parentId !== undefined &&
    !/^0+$/.test(traceId) &&
    !/^0+$/.test(parentId) &&
    !String(traceparent).startsWith('ff') &&
    !(rest !== undefined && String(traceparent).startsWith('00'));
  if (!known) return { traceId: randomBytes(16).toString('hex'), spanId, parentId: null, sampled: true };
  return { traceId, spanId, parentId, sampled: (Number.parseInt(flags, 16) & 1) === 1 };
}
