/** What the store keeps when its process is killed or its disk takes no more. */
import assert from 'node:assert/strict';
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { ConceptStore } from '../../src/concepts/concept-store.js';
import { sampleConcept, seededRandom, temporaryFolder } from './sample.js';

const child = fileURLToPath(new URL('./store-child.js', import.meta.url));

/** Kills after `acknowledged` puts and a little more, then returns every line that was printed. */
async function killAfter(
  process: ChildProcess,
  acknowledged: number,
  milliseconds: number,
): Promise<string[]> {
  assert.ok(process.stdout);
  const lines: string[] = [];
  let done = 0;
  for await (const line of createInterface(process.stdout)) {
    lines.push(line);
    if (line.startsWith('done') && ++done === acknowledged) {
      sleep(milliseconds).then(() => process.kill('SIGKILL'));
    }
  }
  return lines;
}

test('kill -9 loses no acknowledged concept, tears none and touches no other', async (t) => {
  const folder = await temporaryFolder(t);
  const random = seededRandom(20260728);
  const first = await ConceptStore.open({ dataDirectory: folder, shipped: [] });
  const untouched = await Promise.all(['ocean', 'space'].map((name) => first.put(sampleConcept(name))));
  /** Last acknowledged version of each name. */
  const acknowledged = new Map(untouched.map(({ concept }) => [concept.name, concept.version]));

  for (let round = 1; round <= 6; round++) {
    const process = spawn(globalThis.process.execPath, [child, 'put-forever', folder, String(round)], {
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    t.after(() => process.kill('SIGKILL'));
    const exit = once(process, 'exit');
    const lines = await killAfter(process, 1 + Math.floor(random() * 40), random() * 8);
    assert.deepEqual(await exit, [null, 'SIGKILL']);

    /** Begun after the last acknowledgement of the name: may or may not have become durable. */
    const begun = new Map<string, string>();
    for (const line of lines) {
      const [, event, version = '', name = ''] = /^(begin|done) (\S+) (.+)$/.exec(line) ?? [];
      if (event === 'begin') begun.set(name, version);
      else {
        acknowledged.set(name, version);
        begun.delete(name);
      }
    }

    const store = await ConceptStore.open({ dataDirectory: folder, shipped: [] });
    assert.deepEqual(store.refused, []);
    for (const [name, version] of acknowledged) {
      const found = store.find('tiny', name)?.version;
      assert.ok(
        found === version || (found !== undefined && found === begun.get(name)),
        `round ${round}: ${name}`,
      );
    }
    for (const { name, version } of store.list()) {
      assert.ok(acknowledged.has(name) || begun.has(name), name);
      // What is there now was there before the next kill.
      acknowledged.set(name, version);
    }
    const files = await readdir(join(folder, 'concepts'));
    assert.ok(
      files.every((file) => file.endsWith('.safetensors')),
      'leftovers are gone',
    );
  }
  assert.ok(acknowledged.size > untouched.length);
});

test('a write that the disk takes only in part fails, and the concept that was there stays', {
  // A limit on file size cuts a write short as a full disk does.
  skip: process.platform === 'win32' && 'needs ulimit',
}, async (t) => {
  const folder = await temporaryFolder(t);
  const store = await ConceptStore.open({ dataDirectory: folder, shipped: [] });
  const { concept } = await store.put(sampleConcept('calm'));
  const limited = spawn(
    'sh',
    ['-c', 'ulimit -f 64 && exec "$@"', 'sh', process.execPath, child, 'put-large', folder],
    {
      stdio: ['ignore', 'pipe', 'inherit'],
    },
  );
  const exit = once(limited, 'exit');
  const lines: string[] = [];
  for await (const line of createInterface(limited.stdout)) lines.push(line);
  assert.deepEqual(await exit, [0, null]);
  assert.deepEqual(lines, ['storage_failed 500', concept.version]);

  const files = await readdir(join(folder, 'concepts'));
  assert.equal(files.length, 1, 'the part that was written is gone');
  const again = await ConceptStore.open({ dataDirectory: folder, shipped: [] });
  assert.deepEqual(again.refused, []);
  assert.equal(again.find('tiny', 'calm')?.version, concept.version);
});
