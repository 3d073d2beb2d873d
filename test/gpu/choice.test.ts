/** Which device a model runs on, and what is said when it is not the one hoped for. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { onDevice } from '../../src/engine/devices.js';
import type { Device, DeviceName } from '../../src/ort/device.js';
import { startEngine } from '../helpers/engine.js';
import { tinyModel } from '../helpers/tiny-models.js';

const { directory } = tinyModel('llama-genai');
const where = (device: 'auto' | 'cuda' | 'cpu') => ({ device, deviceIndex: 0, deviceMemory: 0 });

test('the first device that can build the session is taken, and the rest is not tried', async () => {
  const tried: (string | undefined)[] = [];
  const { made, device, warning } = await onDevice(where('cuda'), async (on) => {
    tried.push(on?.name);
    return 'session';
  });
  assert.deepEqual(
    { made, device, warning, tried },
    { made: 'session', device: 'cuda', warning: null, tried: ['cuda'] },
  );
});

test('a device asked for by name that fails is an error with its reason', async () => {
  const broken = async () => {
    throw new Error('no such driver');
  };
  await assert.rejects(onDevice(where('cuda'), broken), /device cuda cannot be used: cuda: no such driver/);
});

test('the CPU is asked for without a word, and a failure there is its own', async () => {
  const { device, warning } = await onDevice(where('cpu'), async (on) => assert.equal(on, undefined));
  assert.deepEqual([device, warning], ['cpu', null]);
  const broken = async () => {
    throw new Error('a bad model');
  };
  await assert.rejects(onDevice(where('cpu'), broken), /^Error: a bad model$/);
});

test('auto with a GPU that fails: one warning, then the CPU; without one not a word', async () => {
  const tried: (string | undefined)[] = [];
  const make = async (on: Device | undefined) => {
    tried.push(on?.name);
    if (on) throw new Error(`${on.name} is out of order`);
    return 'on the CPU';
  };
  const webGpuAlone = (name: DeviceName) => (name === 'cuda' ? 'it is not built in' : null);
  assert.deepEqual(await onDevice(where('auto'), make, webGpuAlone), {
    made: 'on the CPU',
    device: 'cpu',
    warning: 'no usable GPU, running on the CPU (cuda: it is not built in; webgpu: webgpu is out of order)',
  });
  assert.deepEqual(tried, ['webgpu', undefined]);
  const none = await onDevice(where('auto'), make, () => 'there is no GPU on this machine');
  assert.deepEqual(none, { made: 'on the CPU', device: 'cpu', warning: null });
});

test('an engine says where it runs and what its log should say', async () => {
  const engine = await startEngine(directory);
  try {
    assert.equal(engine.device, 'cpu');
    assert.deepEqual(engine.warnings, []);
  } finally {
    await engine.close();
  }
});
