/**
 * Reads a Dockerfile into stages of instructions: Docker's format (docs.docker.com/reference/dockerfile)
 * without heredocs and parser directives. What it does not know is an error, so that nothing is skipped in silence.
 */

export interface Instruction {
  /** In capitals: `RUN`. */
  readonly name: string;
  /** `--from=build` as `from: 'build'`. */
  readonly flags: Readonly<Record<string, string>>;
  /** What follows name and flags, on one line. */
  readonly text: string;
  /** 1-based line where it begins. */
  readonly line: number;
}

export interface Stage {
  /** Its name, or its number as text. */
  readonly name: string;
  /** An image or an earlier stage, with ARGs filled in. */
  readonly from: string;
  readonly instructions: readonly Instruction[];
}

const known = new Set(
  'ARG CMD COPY ENTRYPOINT ENV EXPOSE FROM HEALTHCHECK LABEL RUN STOPSIGNAL USER VOLUME WORKDIR'.split(' '),
);
/** Instructions whose flags are Docker's; elsewhere `--x` belongs to a command. */
const flagged = new Set(['FROM', 'COPY', 'RUN', 'HEALTHCHECK']);

/** @throws Error naming the line of what cannot be read. */
export function parseDockerfile(text: string): Instruction[] {
  return logicalLines(text).map(({ text, line }) => {
    const [, word = '', rest = ''] = /^(\S+)\s*(.*)$/.exec(text) ?? [];
    const name = word.toUpperCase();
    if (!known.has(name)) throw new Error(`line ${line}: ${word} is not an instruction known here`);
    if (rest.includes('<<')) throw new Error(`line ${line}: heredocs are not read here`);
    const flags: Record<string, string> = {};
    let left = rest;
    for (let flag = flagOf(name, left); flag; flag = flagOf(name, left)) {
      flags[flag.key] = flag.value;
      left = flag.rest;
    }
    return { name, flags, text: left, line };
  });
}

function flagOf(name: string, text: string): { key: string; value: string; rest: string } | null {
  const [, key, value = '', rest = ''] =
    (flagged.has(name) && /^--([a-z-]+)(?:=(\S+))?\s+(.*)$/.exec(text)) || [];
  return key === undefined ? null : { key, value, rest };
}

/** Lines joined at their backslashes, without comments and empty ones. */
function logicalLines(text: string): { text: string; line: number }[] {
  const found: { text: string; line: number }[] = [];
  let open: { text: string; line: number } | undefined;
  for (const [index, raw] of text.split('\n').entries()) {
    const part = raw.trim();
    if (part === '' || part.startsWith('#')) continue;
    const goesOn = part.endsWith('\\');
    const piece = goesOn ? part.slice(0, -1).trim() : part;
    open = open ? { ...open, text: `${open.text} ${piece}` } : { text: piece, line: index + 1 };
    if (goesOn) continue;
    found.push(open);
    open = undefined;
  }
  if (open) throw new Error(`line ${open.line}: the file ends in the middle of an instruction`);
  return found;
}

/** The stages, in order. ARGs before the first FROM have their defaults or what `given` says. */
export function stagesOf(
  instructions: readonly Instruction[],
  given: Readonly<Record<string, string>> = {},
): Stage[] {
  const values = new Map<string, string>();
  const stages: (Stage & { instructions: Instruction[] })[] = [];
  for (const instruction of instructions) {
    const { name, text, line } = instruction;
    const stage = stages.at(-1);
    if (name === 'FROM') {
      const [from = '', as, alias] = text.split(/\s+/);
      if (as !== undefined && (as.toUpperCase() !== 'AS' || !alias))
        throw new Error(`line ${line}: FROM wants "image AS name"`);
      stages.push({ name: alias ?? String(stages.length), from: fill(from, values), instructions: [] });
    } else if (stage) stage.instructions.push(instruction);
    else if (name === 'ARG') {
      const [key = '', fallback = ''] = splitOnce(text, '=');
      values.set(key, given[key] ?? fallback);
    } else throw new Error(`line ${line}: ${name} before FROM`);
  }
  return stages;
}

/** A stage and those it is made from, the first made first. */
export function ancestry(stages: readonly Stage[], name: string): Stage[] {
  const stage = stages.find((one) => one.name === name);
  if (!stage) return [];
  return [...ancestry(stages, stage.from), stage];
}

/** `ENV A=b C="d e"` as pairs. */
export function pairsOf(text: string): [string, string][] {
  return [...text.matchAll(/([A-Za-z_]\w*)=("[^"]*"|\S+)/g)].map(([, key = '', value = '']) => [
    key,
    value.replace(/^"(.*)"$/, '$1'),
  ]);
}

/** The words of CMD, ENTRYPOINT, VOLUME or a HEALTHCHECK's CMD in JSON form. @throws Error for the shell form */
export function wordsOf({ text, name, line }: Instruction): string[] {
  const json = text.replace(/^CMD\s+/, '');
  if (!json.startsWith('[')) throw new Error(`line ${line}: ${name} is expected in JSON form`);
  return JSON.parse(json) as string[];
}

export function fill(text: string, values: ReadonlyMap<string, string>): string {
  return text.replace(/\$(?:\{(\w+)\}|(\w+))/g, (all, braced, bare) => values.get(braced ?? bare) ?? all);
}

function splitOnce(text: string, mark: string): [string, string?] {
  const at = text.indexOf(mark);
  return at < 0 ? [text] : [text.slice(0, at), text.slice(at + 1)];
}
