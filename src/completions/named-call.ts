/**
 * Reads the begin of a call that has its name outside of JSON, up to where its arguments begin, from a text that may not be
 * all there yet: `f[ARGS]{}` (Mistral), `f(a=1)` (Python), `<function=f>` (XML), `f<｜tool▁sep｜>{}` (DeepSeek).
 */
import { type XmlSyntax, xmlFunction, xmlKeys } from './xml-call.js';

export type NamedCall =
  /** What comes next decides. */
  | { readonly kind: 'more' }
  | { readonly kind: 'no call' }
  /** The arguments begin at `at`, as JSON, in Python's syntax or as elements; a call without any has none at all. */
  | { readonly kind: 'json' | 'python' | 'none'; readonly name: string; readonly at: number }
  | { readonly kind: 'xml'; readonly name: string; readonly at: number; readonly syntax: XmlSyntax };

/** Begins calls as XML, as a mark does, and has their name. */
export const functionMark = '<function=';

const json =
  /^(?:function\s*<｜tool▁sep｜>\s*)?([\w.:/-]+)\s*(?:\[CALL_ID\][\w-]*\s*)?(?:\[ARGS\]|<｜tool▁sep｜>)?\s*(?:```(?:json)?\s*)?(?=\{)/;
const python = /^([A-Za-z_][\w.:/-]*)\s*\(/;
const element = /^<function=\s*["']?([^>"'\s]+)["']?\s*>\s*(?=\S)/;
const keys = /^([\w.:/-]+)\s*(?=<arg_key>)/;
const alone = /^([\w.:/-]+)\s*(?=<\/tool_call>)/;
/** What may become one of these. */
const begun = /^[\w.:/-]+\s*(?:(?:\[[\w\]-]*|<\/?[｜\w▁]*[｜>]*|`{1,3}\w*)\s*[\w.:/-]*\s*)*$/;
const longest = 300;

/** @param isTool whether a tool has that name: a name with nothing behind it is a call only then */
export function readNamedCall(text: string, isTool: (name: string) => boolean): NamedCall {
  if (text.startsWith(functionMark)) {
    const [head, name] = element.exec(text) ?? [];
    if (head === undefined || name === undefined)
      return { kind: text.length < longest && !/>\s*\S/.test(text) ? 'more' : 'no call' };
    if (text[head.length] === '{') return { kind: 'json', name, at: head.length };
    return { kind: 'xml', name, at: head.length, syntax: xmlFunction };
  }
  if (functionMark.startsWith(text)) return { kind: 'more' };
  for (const [kind, pattern] of [['json', json] as const, ['python', python] as const]) {
    const [head, name] = pattern.exec(text) ?? [];
    if (head !== undefined && name !== undefined) return { kind, name, at: head.length };
  }
  const [keyed, owner] = keys.exec(text) ?? [];
  if (keyed !== undefined && owner !== undefined)
    return { kind: 'xml', name: owner, at: keyed.length, syntax: xmlKeys };
  const [whole, name] = alone.exec(text) ?? [];
  if (whole !== undefined && name !== undefined && isTool(name))
    return { kind: 'none', name, at: whole.length };
  return { kind: text.length < longest && begun.test(text) ? 'more' : 'no call' };
}
