/**
 * `npm run concept-table [-- --statements N --jobs N --out FOLDER]`: fits and calibrates the table's concepts in
 * several ways and writes concept-table.md and .json, and images/confusion.svg beside them. About an hour on two cores;
 * every job is a process of its own with a part of the concepts and of the cores.
 */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { mkdir, readFile, rm, writeFile } from 'node:fs/promises';
import { availableParallelism } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { packageRoot } from '../../src/common/package.js';
import { loadModel } from '../../src/models/serve/load.js';
import { tableConcepts } from './concepts.js';
import { type ConceptRow, measureConcept } from './measure-concept.js';
import { render, renderConfusion, summaries } from './render.js';

const { values } = parseArgs({
  options: {
    statements: { type: 'string', default: '24' },
    jobs: { type: 'string', default: '2' },
    out: { type: 'string', default: join(packageRoot, 'docs') },
    /** Of a job: its number, and where its rows go. */
    part: { type: 'string' },
    rows: { type: 'string' },
  },
});
const id = 'smollm2-135m-instruct';
const statements = Number(values.statements);
const jobs = Number(values.jobs);

async function measurePart(part: number, file: string): Promise<void> {
  const threads = Math.max(1, Math.floor(availableParallelism() / jobs));
  const settings = { threads, slots: 16, context: 1024, prefillChunk: 128, queue: 64 };
  const model = await loadModel(id, join(packageRoot, 'models', id), settings);
  // What an interrupted run has measured is not measured again.
  const rows = existsSync(file) ? await rowsOf(file) : [];
  for (const [index, concept] of tableConcepts.entries()) {
    if (index % jobs !== part || rows.some((row) => row.concept.prefix === concept.prefix)) continue;
    const started = performance.now();
    rows.push(await measureConcept(model, concept, statements));
    const seconds = ((performance.now() - started) / 1000).toFixed(0);
    process.stderr.write(`${concept.group}: ${concept.subject} ${seconds} s\n`);
    // What is done is kept if the rest is interrupted.
    await writeFile(file, JSON.stringify(rows));
  }
  await model.engine.close();
}

async function measureAll(folder: string): Promise<void> {
  const files = Array.from({ length: jobs }, (_, part) => join(folder, `concept-table.part-${part}.json`));
  const codes = await Promise.all(
    files.map(async (file, part) => {
      const args = [
        fileURLToPath(import.meta.url),
        ...process.argv.slice(2),
        '--part',
        `${part}`,
        '--rows',
        file,
      ];
      const child = spawn(process.execPath, args, { stdio: 'inherit' });
      const [code] = await once(child, 'exit');
      return code as number | null;
    }),
  );
  if (codes.some((code) => code !== 0)) throw new Error(`jobs ended with ${codes.join(', ')}`);
  await writeTable(folder, files);
}

const rowsOf = async (file: string) => JSON.parse(await readFile(file, 'utf8')) as ConceptRow[];

async function writeTable(folder: string, files: readonly string[]): Promise<void> {
  const parts = await Promise.all(files.map(rowsOf));
  const place = ({ concept }: ConceptRow) =>
    tableConcepts.findIndex(({ prefix }) => prefix === concept.prefix);
  const rows = parts.flat().sort((a, b) => place(a) - place(b));
  await writeFile(
    join(folder, 'concept-table.json'),
    `${JSON.stringify({ model: id, statements, rows }, null, 1)}\n`,
  );
  await writeFile(join(folder, 'concept-table.md'), render(rows, { model: id, statements }));
  const images = join(folder, 'images');
  await mkdir(images, { recursive: true });
  await writeFile(join(images, 'confusion.svg'), renderConfusion(rows));
  await Promise.all(files.map((file) => rm(file)));
  console.table(summaries(rows));
}

if (values.part !== undefined && values.rows !== undefined)
  await measurePart(Number(values.part), values.rows);
else await measureAll(values.out);
