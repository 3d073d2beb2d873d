/**
 * Tools of a chat: which the answer may call, what their calls are held to, and how the model is told of them. A schema
 * is held to as far as a grammar can; where it cannot, a tool with `strict` is refused, and any other loosened there.
 */
import { errors } from '../errors.js';
import { modernSchema } from '../json-grammar/dialects.js';
import { either, literal, Rules } from '../json-grammar/ebnf.js';
import { type LoosenedPlace, Loosening } from '../json-grammar/loosening.js';
import { SchemaRefusal } from '../json-grammar/refusal.js';
import { checkSize, schemaExpression } from '../json-grammar/schema-grammar.js';
import { isSchema, type Schema } from '../json-grammar/schema-parts.js';
import type { Tool, ToolChoice } from '../schemas/tools.js';
import { strictSchema } from './constraint.js';
import type { ToolFormat } from './tool-formats.js';

interface ToolOptions {
  readonly tools?: readonly Tool[] | null | undefined;
  readonly tool_choice?: ToolChoice | null | undefined;
  readonly parallel_tool_calls?: boolean | null | undefined;
}

/** How an endpoint calls the fields of its tools, for errors. */
interface ToolFieldNames {
  readonly parameters: (index: number) => string;
  readonly chosenName: string;
}

/** As OpenAI's chat completions nest them. */
const chatFieldNames: ToolFieldNames = {
  parameters: (index) => `tools.${index}.function.parameters`,
  chosenName: 'tool_choice.function.name',
};

/** A tool that the answer may call. */
export interface CallableTool {
  readonly name: string;
  /** Of its arguments, which finished calls are validated against. */
  readonly schema: Schema;
  /** What calls are held to while they are written: the same, or any object where that is too much for a grammar. */
  readonly held: Schema;
  readonly strict: boolean;
  /** Where calls are not held to the schema while they are written. */
  readonly loosened: readonly LoosenedPlace[];
}

/** The calls that an answer may have. */
export interface AskedCalls {
  readonly tools: readonly CallableTool[];
  /** Whether there must be one. */
  readonly required: boolean;
  /** Whether there may be no more than one. */
  readonly single: boolean;
}

/** Of the schemas of all tools that are not strict together. */
const mostParts = 4_000;

const anyObject: Schema = { type: 'object', additionalProperties: true };

/**
 * The tools that the model is told of, and the calls that its answer may have; null for none.
 * @throws SteerdError constraint_refused for a strict tool's parameters that cannot be held to; invalid_value
 */
export function askedTools(
  options: ToolOptions,
  names = chatFieldNames,
): { readonly tools: readonly Tool[]; readonly calls: AskedCalls | null } {
  const { listed, callable, required, named } = callableTools(options, names);
  if (callable.length === 0) return { tools: [], calls: null };
  const loosening = new Loosening(mostParts);
  const tools = callable.map((tool) =>
    callableTool(tool, names.parameters(options.tools?.indexOf(tool) ?? 0), loosening),
  );
  return {
    tools: listed,
    calls: { tools, required, single: named || options.parallel_tool_calls === false },
  };
}

function callableTools({ tools, tool_choice }: ToolOptions, { chosenName }: ToolFieldNames) {
  const listed = tools ?? [];
  const names = listed.map((tool) => tool.function.name);
  const twice = names.find((name, i) => names.indexOf(name) !== i);
  if (twice !== undefined)
    throw errors.invalidRequest(`tools must have names of their own; "${twice}" comes twice.`, 'tools');
  const choice = tool_choice ?? (listed.length > 0 ? 'auto' : 'none');
  const none = { listed: [], callable: [], required: false, named: false };
  if (choice === 'none') return none;
  if (listed.length === 0) {
    if (choice === 'auto') return none;
    throw errors.invalidRequest('tool_choice must be left out without tools.', 'tool_choice');
  }
  if (typeof choice === 'string') {
    return { listed, callable: listed, required: choice === 'required', named: false };
  }
  const pick = (wanted: readonly string[], field: string) =>
    wanted.map((name) => {
      const found = listed.find((tool) => tool.function.name === name);
      if (found === undefined) throw errors.invalidValue(field, `one of ${names.join(', ')}`, name);
      return found;
    });
  if (choice.type === 'function') {
    const callable = pick([choice.function.name], chosenName);
    return { listed: callable, callable, required: true, named: true };
  }
  const { mode, tools: allowed } = choice.allowed_tools;
  const wanted = [...new Set(allowed.map((tool) => tool.function.name))];
  // The model is told of all of them: that is what the list of allowed ones is for, beside a prompt that stays.
  return {
    listed,
    callable: pick(wanted, 'tool_choice.allowed_tools.tools'),
    required: mode === 'required',
    named: false,
  };
}

function callableTool(tool: Tool, field: string, loosening: Loosening): CallableTool {
  const { name, parameters } = tool.function;
  const strict = tool.function.strict === true;
  const given = parameters ?? { type: 'object', properties: {}, additionalProperties: false };
  if (strict) {
    const { schema: modern } = strictSchema(given, field);
    const schema = isSchema(modern) ? modern : given;
    return { name, schema, held: schema, strict, loosened: [] };
  }
  // What is too large to be read is no schema to hold a call to, nor to judge it by.
  let schema = anyObject;
  try {
    checkSize(given);
    schema = objectSchema(modernSchema(given));
    schemaExpression(schema, new Rules(), loosening);
    return { name, schema, held: schema, strict, loosened: loosening.takePlaces() };
  } catch (error) {
    if (!(error instanceof SchemaRefusal)) throw error;
    loosening.takePlaces();
    const loosened = [{ path: 'schema', reason: error.message.replace(/^the schema /, '') }];
    return { name, schema, held: anyObject, strict, loosened };
  }
}

/** Arguments are an object, whether the schema says so or not. */
function objectSchema(schema: unknown): Schema {
  if (!isSchema(schema)) return anyObject;
  const combined = ['$ref', 'allOf', 'anyOf', 'oneOf', 'const', 'enum'].some((key) => key in schema);
  return combined || schema.type === 'object' ? schema : { ...schema, type: 'object' };
}

/** The calls with every tool that is not strict held to no more than an object. */
export const loosestCalls = (calls: AskedCalls): AskedCalls => ({
  ...calls,
  tools: calls.tools.map((tool) =>
    tool.strict
      ? tool
      : {
          ...tool,
          held: anyObject,
          loosened: [
            { path: 'schema', reason: 'takes too long to compile: its calls are held to an object' },
          ],
        },
  ),
});

/** A grammar of calls and nothing else, as the model writes them. */
export function callsGrammar({ tools, single }: AskedCalls, format: ToolFormat): string {
  const rules = new Rules();
  const loosening = new Loosening();
  const calls = tools.flatMap(({ name, held, strict }) => {
    const args = rules.add(schemaExpression(held, rules, strict ? null : loosening));
    return format.calls.map(({ before, after }) =>
      [literal(before(name)), args, ...(after === '' ? [] : [literal(after)])].join(' '),
    );
  });
  const call = rules.add(either(calls));
  const around = (inner: string) => `${literal(format.before)} ${inner} ${literal(format.after)}`;
  const block = format.list ? call : rules.add(around(call));
  const blocks = single ? block : `${block} (${literal(format.between)} ${block})*`;
  return rules.grammar(format.list ? around(blocks) : blocks);
}

/**
 * xgrammar's format for text that may have calls in it: free until the model itself begins one. Null where its own form is
 * none that calls can be held to.
 */
export function freeWithCalls(calls: AskedCalls, format: ToolFormat): object | null {
  if (format.free) return null;
  const { tools, single } = calls;
  const open = format.openings.find((mark) => format.before.startsWith(mark));
  if (open !== undefined) {
    // One grammar for all tools: what their schemas have in common is compiled once.
    const block = { ...format, before: format.before.slice(open.length) };
    const grammar = callsGrammar({ ...calls, single: single || !format.list }, block);
    return {
      type: 'triggered_tags',
      triggers: [open],
      tags: [{ type: 'tag', begin: open, content: { type: 'grammar', grammar }, end: '' }],
      stop_after_first: single,
    };
  }
  // Bare JSON may be an answer too: it is held to a tool once it names one.
  const loosening = new Loosening();
  const [{ before, after }] = format.calls;
  const tags = tools.map(({ name, held, strict }) => {
    const rules = new Rules();
    const grammar = rules.grammar(schemaExpression(held, rules, strict ? null : loosening));
    return { type: 'tag', begin: before(name), content: { type: 'grammar', grammar }, end: after };
  });
  return {
    type: 'triggered_tags',
    triggers: tags.map(({ begin }) => begin),
    tags,
    stop_after_first: single,
  };
}

/** What a model whose template knows no tools is told at the end of its system message. */
export function toolInstructions(tools: readonly Tool[], format: ToolFormat): string {
  const described = tools.map(({ function: { name, description, parameters } }) =>
    JSON.stringify({ name, ...(description ? { description } : {}), parameters: parameters ?? {} }),
  );
  const [{ before, after }] = format.calls;
  return [
    'You can call these functions:',
    ...described,
    'To call one, write only this, with its name and its arguments as JSON:',
    `${format.before}${before('NAME')}ARGUMENTS${after}${format.after}`,
  ].join('\n');
}
