import assert from 'node:assert/strict';
import { join } from 'node:path';
import { test } from 'node:test';
import { userDataFolder } from '../../src/common/user-folders.js';

test("each system's place for a user's data; a relative XDG_DATA_HOME counts for nothing", () => {
  const home = '/home/a';
  const of = (platform: NodeJS.Platform, environment: Record<string, string> = {}) =>
    userDataFolder({ environment, platform, home });
  assert.equal(of('linux'), join(home, '.local/share/steerd'));
  assert.equal(of('linux', { XDG_DATA_HOME: '/d' }), join('/d', 'steerd'));
  for (const XDG_DATA_HOME of ['', 'here', './here'])
    assert.equal(of('linux', { XDG_DATA_HOME }), join(home, '.local/share/steerd'));
  assert.equal(of('darwin', { XDG_DATA_HOME: '/d' }), join(home, 'Library/Application Support/steerd'));
  assert.equal(of('win32', { LOCALAPPDATA: '/l' }), join('/l', 'steerd/Data'));
  assert.equal(of('win32'), join(home, 'AppData/Local/steerd/Data'));
});
