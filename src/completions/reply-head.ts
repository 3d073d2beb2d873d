/** What every object of one reply, whole or in chunks, begins with. */
import type { MonitorReceipt } from '../schemas/monitor.js';
import type { SteeringReceipt } from '../schemas/steering.js';
import type { CompletionPlan } from './plan.js';

export interface ReplyHead<Kind extends string> {
  readonly id: string;
  readonly object: Kind;
  readonly created: number;
  readonly model: string;
  readonly system_fingerprint: string;
}

export function replyHead<Kind extends string>(plan: CompletionPlan, object: Kind): ReplyHead<Kind> {
  return {
    id: plan.id,
    object,
    created: plan.created,
    model: plan.modelName,
    system_fingerprint: `fp_${plan.model.engine.shape.fingerprint.slice(0, 10)}`,
  };
}

/** The reply's `steering` and `monitor`, to be spread: there only when something steers, or is monitored. */
export function receiptFields({ receipts, monitors }: CompletionPlan): {
  steering?: SteeringReceipt[];
  monitor?: MonitorReceipt[];
} {
  return {
    ...(receipts.length === 0 ? {} : { steering: [...receipts] }),
    ...(monitors.length === 0 ? {} : { monitor: monitors.map(({ receipt }) => receipt) }),
  };
}

/** A choice's own `steering`, to be spread: there when the request compares alternatives. */
export function choiceReceipt(
  { choiceReceipts }: CompletionPlan,
  index: number,
): { steering?: SteeringReceipt[] } {
  return choiceReceipts === null ? {} : { steering: [...(choiceReceipts[index] ?? [])] };
}
