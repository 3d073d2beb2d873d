/** Whether an answer begins with a call that nothing marks: JSON or Python that names a tool, in a fence perhaps. */
import type { FinishReason } from '../engine/protocol.js';
import { readCallHead } from './call-head.js';

export type BareBegin =
  /** What comes next decides. */
  | { readonly kind: 'more' }
  | { readonly kind: 'no call' }
  /** The answer was cut in what may be the begin of a call. */
  | { readonly kind: 'cut' }
  | { readonly kind: 'call'; readonly at: number };

const noCall = { kind: 'no call' } as const;

/**
 * @param text the answer so far
 * @param names of the tools
 * @param isPythonic whether the model writes calls in Python's syntax, without brackets around them too
 */
export function readBareCall(
  text: string,
  names: readonly string[],
  isPythonic: boolean,
  finish: FinishReason | null,
): BareBegin {
  const [lead = ''] = /^\s*(?:```(?:json|tool_code|tool_call)?\s*)?\[?\s*/.exec(text) ?? [];
  const rest = text.slice(lead.length);
  const wait = finish === null ? ({ kind: 'more' } as const) : noCall;
  if (rest === '' || /^\s*`{1,3}[a-z_]*$/.test(text)) return wait;
  const mayBePython = isPythonic || lead.includes('[') || lead.includes('tool_c');
  const head = rest.startsWith('{') ? readCallHead(rest) : mayBePython ? pythonHead(rest) : noCall;
  if (head.kind === 'no call') return noCall;
  if (head.kind === 'more') {
    // A name as far as it came: of a call that was cut, or of what only begins like one.
    if (!names.some((name) => name.startsWith(head.name) || `${name}.call`.startsWith(head.name)))
      return noCall;
    return finish === 'length' ? { kind: 'cut' } : wait;
  }
  // An object with a name and nothing else is as likely an answer.
  if (toolNamed(head.name, names) === null || (head.kind === 'whole' && head.args === null)) return noCall;
  return { kind: 'call', at: lead.length };
}

/** The tool that a name means, which Llama's built-in ones have `.call` behind; null for none. */
export function toolNamed(name: string, names: readonly string[]): string | null {
  if (names.includes(name)) return name;
  const short = name.replace(/\.call$/, '');
  return names.includes(short) ? short : null;
}

/** The begin of a call in Python's syntax, in the words of `readCallHead`. */
export function pythonHead(text: string) {
  const [head, name = '', bracket] = /^([A-Za-z_][\w.:/-]*)\s*(\()?/.exec(text) ?? [];
  if (head === undefined) return noCall;
  if (bracket !== undefined) return { kind: 'arguments' as const, name, at: head.length };
  return head.length === text.length ? { kind: 'more' as const, name } : noCall;
}
