/** `steerd concepts`: lists, shows, compares, exports, imports and removes concepts. */
import { readFile } from 'node:fs/promises';
import { basename, dirname, extname, resolve } from 'node:path';
import { buffer as readAll } from 'node:stream/consumers';
import type { Command } from 'commander';
import type { z } from 'zod';
import { decodeSafetensors, encodeSafetensors } from '../checkpoint/safetensors.js';
import { makeFolderDurably, writeDurably } from '../common/durable-file.js';
import { fileFormat } from '../common/file-kind.js';
import { numpyArrays } from '../concepts/foreign-vectors.js';
import { saeDirection } from '../concepts/sae-direction.js';
import { errors, SteerdError } from '../errors.js';
import { vectorFormats } from '../schemas/concept-vectors.js';
import type { ConceptVersionList } from '../schemas/concept-versions.js';
import type { ConceptList, ConceptObject, ConceptSimilarity, DeletedConcept } from '../schemas/concepts.js';
import { type Api, type ApiOptions, addApi, withApi } from './api.js';
import { conceptCard } from './concept-card.js';
import { addSync } from './concepts-sync.js';
import { painted, say, sayJson, sayTable, sayWrapped, terminalWidth } from './output.js';
import { numberOf } from './steering-options.js';

type Options = ApiOptions & Readonly<Record<string, string | boolean | undefined>>;
type Work = (api: Api, options: Options, args: string[]) => Promise<void>;

export function register(program: Command): void {
  const concepts = program.command('concepts').description('concepts of a model');

  const add = (signature: string, description: string, work: Work): Command => {
    const command: Command = concepts.command(signature).description(description);
    const settingsOf = addApi(command);
    return command.action(async (...given: unknown[]) => {
      const [options] = given.slice(-2) as [Options];
      const settings = settingsOf({ ...options });
      const args = given.slice(0, -2).flat() as string[];
      await withApi(options, settings, (api) =>
        work(
          api,
          options,
          args.filter((arg) => arg !== undefined),
        ),
      );
    });
  };

  add('list', 'the concepts and how they were made', list).alias('ls');
  add('show <name>', 'what one is, with its curves and samples', show);
  add('similarity [names...]', 'how much concepts point the same way', similarity);
  add('export <name>', 'its vectors as a file', exportOne)
    .option('--format <name>', `${vectorFormats.join(', ')} (default: by the file's name, else safetensors)`)
    .option('--out <file>', 'where it goes; - for standard output (default: <name>.<format>)');
  add(
    'import <name> <file>',
    'a concept from a safetensors, GGUF, NumPy or JSON file, or - for standard input',
    importOne,
  )
    .option(
      '--feature <number>',
      "of a sparse autoencoder's safetensors or npz: the row of its decoder that is meant",
    )
    .option(
      '--layer <number>',
      'the block, from 0, whose output the autoencoder reads, or where one vector alone is added',
    )
    .option('--scale <number>', 'strength 1 adds the vector times this (default: 1, or what the file says)');
  add('versions <name>', 'the versions that a name has had, newest first', versions);
  add('rollback <name> <version>', 'let a name mean one of its versions again', rollback);
  add('rm <names...>', 'remove concepts that were made here', remove).alias('remove');
  addSync(concepts);
}

const at = (name: string) => `/${encodeURIComponent(name)}`;

async function list(api: Api, { json }: Options): Promise<void> {
  const data: ConceptList['data'] = [];
  let page: ConceptList | undefined;
  do {
    const after: object = typeof page?.next === 'string' ? { after: page.next } : {};
    page = await api.json<ConceptList>(api.concepts('', after));
    data.push(...page.data);
  } while (page.has_more);
  if (json) return sayJson({ object: 'list', data });
  sayTable(
    ['NAME', 'MODEL', 'FROM', 'RECIPE', 'MAX', 'CREATED'],
    data.map((one) => [
      one.name,
      one.model,
      one.source,
      `${one.recipe}, ${one.method}`,
      one.weak ? 'weak' : one.max_strength === undefined ? '-' : String(one.max_strength),
      new Date(one.created * 1000).toISOString().slice(0, 10),
    ]),
  );
}

const show: Work = async (api, { json }, [name = '']) => {
  const concept = await api.json<ConceptObject>(api.concepts(at(name)));
  if (json) sayJson(concept);
  else say(conceptCard(concept, Math.min(110, terminalWidth())).join('\n'));
};

const similarity: Work = async (api, { json }, names) => {
  const query = names.length === 0 ? {} : { concepts: names.join(',') };
  const found = await api.json<ConceptSimilarity>(api.concepts('/similarity', query));
  if (json) return sayJson(found);
  const { concepts, cosine } = found;
  const longest = Math.max(...concepts.map(({ name }) => name.length));
  const narrow = process.stdout.isTTY;
  const width = narrow ? Math.min(14, longest) : longest;
  // As wide as the names where there is room: "-0.07" takes five, and so much of a name is the least.
  const room = narrow ? Math.floor((terminalWidth() - width) / concepts.length) - 1 : longest;
  const column = Math.max(5, Math.min(longest, room));
  if (room < 5 && narrow) {
    // Pairs, the closest first, where a matrix has no room.
    const pairs = concepts.flatMap((a, i) =>
      concepts.slice(i + 1).map((b, j) => ({ a, b, value: cosine[i]?.[i + 1 + j] ?? null })),
    );
    pairs.sort((a, b) => Math.abs(b.value ?? 0) - Math.abs(a.value ?? 0));
    sayTable(
      ['COSINE', 'BETWEEN', 'AND'],
      pairs.map(({ a, b, value }) => [value === null ? '-' : value.toFixed(2), a.name, b.name]),
    );
    return;
  }
  say(' '.repeat(width) + concepts.map(({ name }) => ` ${name.slice(0, column).padStart(column)}`).join(''));
  for (const [i, { name }] of concepts.entries()) {
    const row = concepts.map((_, j) => {
      const value = cosine[i]?.[j] ?? null;
      const text = ` ${(value === null ? '-' : value.toFixed(2)).padStart(column)}`;
      return value !== null && i !== j && Math.abs(value) > 0.5 ? painted('1;33', text) : text;
    });
    say(name.slice(0, width).padEnd(width) + row.join(''));
  }
};

const exportOne: Work = async (api, { json, format, out }, [name = '']) => {
  const named = typeof out === 'string' ? extname(out).slice(1).toLowerCase() : '';
  const kind =
    typeof format === 'string' ? format : (vectorFormats.find((one) => one === named) ?? 'safetensors');
  if (!vectorFormats.some((one) => one === kind)) {
    throw errors.invalidValue('--format', `one of ${vectorFormats.join(', ')}`, kind);
  }
  if (out === '-') {
    process.stdout.write(await api.bytes(api.concepts(`${at(name)}/vectors`, { format: kind })));
    return;
  }
  const file = resolve(typeof out === 'string' ? out : `${name.replace(/[^\w.-]+/g, '-')}.${kind}`);
  const bytes = await api.bytes(api.concepts(`${at(name)}/vectors`, { format: kind }));
  await makeFolderDurably(dirname(file));
  // Whole or not at all: whoever reads the file meanwhile sees the old one.
  await writeDurably(dirname(file), basename(file), bytes);
  if (json) sayJson({ concept: name, file, format: kind, bytes: bytes.length });
  else sayWrapped(`${name}: ${bytes.length} bytes in ${file}`);
};

const importOne: Work = async (api, { json, feature, layer, scale }, [name = '', file = '']) => {
  const bytes = file === '-' ? await readAll(process.stdin) : await readFile(file);
  const query = Object.fromEntries(
    Object.entries({ feature, layer, scale }).filter(([, value]) => value !== undefined),
  );
  const made = await api.json<ConceptObject>(api.concepts(`${at(name)}/vectors`, query), {
    method: 'PUT',
    body: typeof feature === 'string' ? rowOf(bytes, feature) : bytes,
  });
  if (json) return sayJson(made);
  sayWrapped(`${made.name} ${made.version.slice(0, 12)} for model ${made.model}`);
  for (const warning of made.warnings ?? []) sayWrapped(`warning: ${warning}`, process.stderr);
};

const versions: Work = async (api, { json }, [name = '']) => {
  const found = await api.json<ConceptVersionList>(api.concepts(`${at(name)}/versions`));
  if (json) return sayJson(found);
  sayTable(
    ['', 'VERSION', 'FROM', 'SINCE', ''],
    found.data.map(({ number, version, source, created, current }) => [
      String(number),
      version.slice(0, 12),
      source,
      new Date(created * 1000).toISOString().slice(0, 16).replace('T', ' '),
      current ? 'now' : '',
    ]),
  );
};

const rollback: Work = async (api, { json }, [name = '', version = '']) => {
  const made = await api.json<ConceptObject>(api.concepts(`${at(name)}/rollback`), {
    method: 'POST',
    body: { version },
  });
  if (json) sayJson(made);
  else sayWrapped(`${made.name} is ${made.version.slice(0, 12)} again for model ${made.model}`);
};

/** One row of a file that may be larger than any upload; whatever the file says of its layer and scale goes with it. */
function rowOf(bytes: Uint8Array, feature: string): Uint8Array {
  const format = fileFormat(bytes);
  if (format === undefined || format === 'json' || format === 'gguf')
    throw errors.invalidRequest(
      '--feature is for safetensors and npz files of sparse autoencoders.',
      'feature',
    );
  try {
    const arrays =
      format === 'safetensors'
        ? decodeSafetensors(bytes).tensors
        : numpyArrays(bytes, format, Number.MAX_SAFE_INTEGER);
    const found = saeDirection(arrays, { feature: numberOf('--feature', feature) });
    return encodeSafetensors({
      decoder_row: { dtype: 'F32', shape: [found.row.length], data: found.row },
      scale: { dtype: 'F64', shape: [1], data: Float64Array.of(found.scale) },
      ...(found.layer !== null && { layer: { dtype: 'I32', shape: [1], data: Int32Array.of(found.layer) } }),
    });
  } catch (error) {
    if (error instanceof SteerdError || !(error instanceof Error)) throw error;
    throw errors.vectorsInvalid(format, error.message);
  }
}

const remove: Work = async (api, { json }, names) => {
  const removed = [];
  for (const name of names) {
    const gone = await api.json<z.output<typeof DeletedConcept>>(api.concepts(at(name)), {
      method: 'DELETE',
    });
    removed.push(gone);
    if (!json) sayWrapped(`${name} (${gone.version.slice(0, 12)}) is removed from ${gone.model}`);
  }
  if (json) sayJson({ object: 'list', data: removed });
};
