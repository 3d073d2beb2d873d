/** Buckets, scopes and the cap on strength as laws. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { KeyUsage } from '../../src/access/key-usage.js';
import { allows } from '../../src/access/scopes.js';
import { TokenBucket } from '../../src/access/token-bucket.js';
import { createConcept } from '../../src/concepts/concept.js';
import { SteerdError } from '../../src/errors.js';
import { scopes } from '../../src/schemas/keys.js';
import { SteeringItem } from '../../src/schemas/steering.js';
import { resolveSteering } from '../../src/steering/resolve.js';
import { sampleFields, sampleReadings } from '../concepts/sample.js';

test('over any time a bucket lets through its size and what refilled, no more and no less', () => {
  let now = 0;
  const bucket = new TokenBucket(60, () => now);
  let spent = 0;
  for (let step = 0; step < 1000; step++) {
    now += (step % 7) * 100;
    while (bucket.wait === 0) {
      bucket.spend(1);
      spent++;
    }
  }
  const refilled = now / 1000;
  assert.ok(spent >= Math.floor(60 + refilled) - 1 && spent <= 60 + refilled + 1, `${spent} in ${now} ms`);
});

test('debt is paid back first, and a clock that goes back gives nothing', () => {
  let now = 1000;
  const bucket = new TokenBucket(60, () => now);
  bucket.spend(120);
  assert.equal(bucket.remaining, 0);
  assert.ok(Math.abs(bucket.wait - 61) < 1e-9);
  now = 0;
  assert.ok(bucket.wait >= 61);
  now = 61_000;
  assert.ok(bucket.wait < 1.01);
  now += 3600_000;
  assert.equal(bucket.remaining, 60, 'never more than its size');
});

test('streams: as many as may, and one that ended makes room once', () => {
  const usage = new KeyUsage({ requests_per_minute: null, tokens_per_minute: null, concurrent_streams: 2 });
  const end = usage.beginStream();
  usage.beginStream();
  assert.throws(() => usage.beginStream(), SteerdError);
  end();
  end();
  assert.equal(usage.streams, 1);
  usage.beginStream();
  assert.throws(() => usage.beginStream(), SteerdError);
});

test('admin may everything, concepts:write includes concepts:read, and nothing else includes another', () => {
  for (const scope of scopes) assert.ok(allows(['admin'], scope));
  assert.ok(allows(['concepts:write'], 'concepts:read') && !allows(['concepts:read'], 'concepts:write'));
  assert.ok(!allows(['completions'], 'concepts:read') && !allows(['concepts:write'], 'admin'));
});

test('no way of asking for a strength gets past the cap', () => {
  const concept = createConcept({ ...sampleFields('calm'), readings: sampleReadings() });
  const unread = createConcept(sampleFields('storm'));
  const [, unit = 0] = concept.calibration.coefficients;
  const strongest = Math.max(...concept.calibration.coefficients);
  const resolve = (items: readonly object[]) =>
    resolveSteering(
      items.map((item) => SteeringItem.parse({ concept: 'calm', ...item })),
      {
        model: {
          id: 'tiny',
          shape: {
            layers: 4,
            hiddenSize: 8,
            heads: 1,
            vocabularySize: 10,
            capacity: 10,
            slots: 1,
            fingerprint: 'f'.repeat(64),
          },
        },
        concepts: {
          get: (_, name) => ({ concept: name === 'calm' ? concept : unread }),
          names: () => ['calm', 'storm'],
          maxStrength: 0.8,
        },
        promptLength: 3,
      },
    );
  for (const allowed of [
    [{ strength: 0.8 }],
    [{ strength: -0.8 }],
    [{ strength: 0.4 }, { strength: 0.4 }],
    [{ strength: 0.8, operation: 'clamp' }],
    [{ operation: 'ablate' }],
    [{ operation: 'amplify', strength: 1.8 }],
    [{ strength: 0.79 * unit, scale: 'raw', layers: [1] }],
    // Block 1: neutral at -9, a unit of 4.
    [{ strength: -9 + 0.79 * 4, scale: 'raw', operation: 'clamp', layers: [1] }],
    [{ strength: 0.3, scale: 'raw', operation: 'ablate', layers: [1] }],
    [
      { strength: 0.8, layers: [1] },
      { strength: 0.8, layers: [2] },
    ],
  ]) {
    resolve(allowed);
  }
  for (const refused of [
    [{ strength: 0.81 }],
    [{ strength: -0.81 }],
    [{ strength: 0.5 }, { strength: 0.5 }],
    [{ strength: 0.5 }, { strength: -0.5 }],
    [{ strength: 0.9, operation: 'clamp' }],
    [{ operation: 'amplify', strength: 2 }],
    [{ operation: 'amplify', strength: -1 }],
    [{ strength: strongest, scale: 'raw' }],
    [{ strength: 1, scale: 'norm' }],
    [{ strength: -9 + 0.81 * 4, scale: 'raw', operation: 'clamp', layers: [1] }],
    [{ strength: 0, scale: 'raw', operation: 'clamp', layers: [1] }],
    [{ operation: 'ablate', scale: 'raw', layers: [1] }],
    [{ operation: 'amplify', strength: 1.5, scale: 'raw', layers: [1] }],
    [{ strength: 0.4 }, { strength: 0.5, operation: 'clamp' }],
    [{ concept: 'storm', operation: 'ablate', scale: 'raw' }],
    [{ concept: 'storm', operation: 'clamp', scale: 'raw', strength: 0 }],
  ]) {
    assert.throws(
      () => resolve(refused),
      (error: unknown) =>
        error instanceof SteerdError && error.code === 'strength_above_cap' && error.status === 403,
      JSON.stringify(refused),
    );
  }
});
