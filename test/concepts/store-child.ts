/**
 * A process that the store's tests start to kill or to starve.
 *
 * `put-forever FOLDER SEED`: puts concepts, four at a time, until it is killed; prints `begin NAME VERSION` before and
 * `done NAME VERSION` after each.
 * `put-large FOLDER`: puts a larger concept named `calm` and prints the error's code and
 * status, then the version it has now.
 */
import { writeSync } from 'node:fs';
import { ConceptStore } from '../../src/concepts/concept-store.js';
import { SteerdError } from '../../src/errors.js';
import { sampleConcept } from './sample.js';

const [command, folder = '', seed = '0'] = process.argv.slice(2);
// Synchronous: what is printed has left this process before anything else happens.
const say = (line: string) => writeSync(1, `${line}\n`);

async function putForever(store: ConceptStore, lane: number): Promise<never> {
  for (let turn = 0; ; turn++) {
    // Few names: most puts replace a concept that was there.
    const name = `lane ${lane} concept ${turn % 5}`;
    const concept = sampleConcept(name, { seed: Number(seed) * 1e6 + turn, layers: 12, hiddenSize: 256 });
    say(`begin ${concept.version} ${name}`);
    await store.put(concept);
    say(`done ${concept.version} ${name}`);
  }
}

async function putLarge(store: ConceptStore): Promise<void> {
  try {
    await store.put(sampleConcept('calm', { seed: 2, layers: 64, hiddenSize: 512 }));
    say('stored');
  } catch (error) {
    say(error instanceof SteerdError ? `${error.code} ${error.status}` : String(error));
    say(store.find('tiny', 'calm')?.version ?? 'gone');
  }
}

// Without a command (a test runner that takes every file for a test) nothing happens.
if (command === 'put-forever' || command === 'put-large') {
  const store = await ConceptStore.open({ dataDirectory: folder, shipped: [] });
  if (command === 'put-large') await putLarge(store);
  else await Promise.all([0, 1, 2, 3].map((lane) => putForever(store, lane)));
}
