/** Finished calls held against their tools' parameters, and what the reply says of tools that were loosened. */
import type { FinishReason } from '../engine/protocol.js';
import { faultOf } from '../json-grammar/validation.js';
import type { LoosenedTools, ToolCall, ToolCallDelta, ToolCallFaults } from '../schemas/tools.js';
import type { CompletionPlan } from './plan.js';
import type { AskedCalls } from './tools.js';

/** The calls of one answer, put together from their deltas. */
export class MadeCalls {
  readonly calls: ToolCall[] = [];

  add({ id, function: part }: ToolCallDelta): void {
    if (id !== undefined)
      this.calls.push({ id, type: 'function', function: { name: part.name ?? '', arguments: '' } });
    const call = this.calls.at(-1);
    if (call) call.function.arguments += part.arguments;
  }

  /** To be spread into a choice. */
  faults(
    { reading: { calls } }: CompletionPlan,
    finish: FinishReason,
  ): { tool_call_faults?: ToolCallFaults } {
    if (calls === null) return {};
    const faults = this.calls.flatMap((call, index) => {
      // The last call of an answer that was cut may be cut itself.
      if (finish === 'length' && index === this.calls.length - 1) return [];
      const fault = faultOfCall(call, calls);
      return fault === null ? [] : [{ index, ...fault }];
    });
    return faults.length === 0 ? {} : { tool_call_faults: faults };
  }
}

function faultOfCall({ function: { name, arguments: json } }: ToolCall, { tools }: AskedCalls) {
  const tool = tools.find((one) => one.name === name);
  if (tool === undefined)
    return { at: '', message: `calls ${JSON.stringify(name.slice(0, 80))}, which is none of the tools` };
  let value: unknown;
  try {
    value = JSON.parse(json);
  } catch (error) {
    return { at: '', message: `is not JSON: ${(error as Error).message}` };
  }
  return faultOf(tool.schema, value);
}

const mostTold = 64;

/** To be spread into a reply. */
export function loosenedTools({ reading: { calls } }: CompletionPlan): { loosened_tools?: LoosenedTools } {
  const places = (calls?.tools ?? []).flatMap(({ name, loosened }) =>
    loosened.map(({ path, reason }) => ({ tool: name, path, reason })),
  );
  return places.length === 0 ? {} : { loosened_tools: places.slice(0, mostTold) };
}
