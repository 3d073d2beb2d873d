/**
 * `strip`, `lstrip` and `rstrip` with the characters to strip. @huggingface/jinja 0.5 knows the methods but not their
 * argument, and strips white space: templates that cut `|` or a mark off a text would render something else than the
 * model was trained on. Such calls in a template are changed into calls of functions that its rendering is given.
 */
import type { Template } from '@huggingface/jinja';

const isObject = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null;

const functionNames: Readonly<Record<string, string>> = {
  strip: '_strip_characters',
  lstrip: '_lstrip_characters',
  rstrip: '_rstrip_characters',
};

const end = (text: string, characters: ReadonlySet<string>): number => {
  let at = text.length;
  while (at > 0 && characters.has(text[at - 1] as string)) at--;
  return at;
};

const begin = (text: string, characters: ReadonlySet<string>): number => {
  let at = 0;
  while (at < text.length && characters.has(text[at] as string)) at++;
  return at;
};

/** As Python's methods do; `none` strips white space. */
const stripper =
  (left: boolean, right: boolean) =>
  (text: unknown, characters: unknown): string => {
    const whole = String(text);
    if (typeof characters !== 'string') {
      const started = left ? whole.trimStart() : whole;
      return right ? started.trimEnd() : started;
    }
    const set = new Set(characters);
    const rest = right ? whole.slice(0, end(whole, set)) : whole;
    return left ? rest.slice(begin(rest, set)) : rest;
  };

/** Variables of a rendering. */
export const stripFunctions = {
  _strip_characters: stripper(true, true),
  _lstrip_characters: stripper(true, false),
  _rstrip_characters: stripper(false, true),
};

/** @returns the template, its calls of the three methods with an argument changed */
export function stripsByArgument(template: Template): Template {
  rewrite(template.parsed);
  return template;
}

function rewrite(node: unknown): void {
  if (Array.isArray(node)) {
    for (const item of node) rewrite(item);
    return;
  }
  if (node instanceof Map) {
    for (const [key, value] of node) rewrite([key, value]);
    return;
  }
  if (!isObject(node)) return;
  for (const inner of Object.values(node)) rewrite(inner);
  const { callee, args } = node;
  if (node.type !== 'CallExpression' || !isObject(callee) || !Array.isArray(args) || args.length === 0)
    return;
  const { property, object } = callee;
  if (callee.type !== 'MemberExpression' || callee.computed !== false || !isObject(property)) return;
  const name = functionNames[String(property.value)];
  if (name === undefined) return;
  // The property is an identifier already: the call is of the function now, its first argument the text.
  node.callee = Object.assign(Object.create(Object.getPrototypeOf(property) as object), property, {
    value: name,
  });
  node.args = [object, ...args];
}
