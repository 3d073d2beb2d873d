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
/**
 * What may become one of these: a name, then marks with words between them. No text is read in two ways, or the time to
 * find that it is none would double with each mark.
 */
const between = String.raw`(?:\s+(?:[\w.:/-]+\s*)?)?`;
const begun = new RegExp(
  [
    String.raw`^[\w.:/-]+\s*(?:`,
    // Behind each mark what cannot be part of it, or a space, begins the next word.
    String.raw`\[[\w\]-]*(?:[.:/][\w.:/-]*\s*|${between})|`,
    String.raw`<(?:\/|(?!\/))[｜\w▁]*(?:>[｜>]*(?:[\w.:/-]+\s*|${between})|[.:/-][\w.:/-]*\s*|${between})|`,
    String.raw`\x60+(?!\x60)\w*(?:[.:/-][\w.:/-]*\s*|${between})`,
    ')*$',
  ].join(''),
);
/** A longer begin is none. */
const longest = 300;

/** @param isTool whether a tool has that name: a name with nothing behind it is a call only then */
export function readNamedCall(whole: string, isTool: (name: string) => boolean): NamedCall {
  const text = whole.slice(0, longest);
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
  const [lone, name] = alone.exec(text) ?? [];
  if (lone !== undefined && name !== undefined && isTool(name))
    return { kind: 'none', name, at: lone.length };
  return { kind: text.length < longest && begun.test(text) ? 'more' : 'no call' };
}
