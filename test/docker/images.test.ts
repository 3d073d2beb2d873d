/** The Dockerfile and the compose files fit the repository they lie in; `npm run docker-check` really builds them. */
import assert from 'node:assert/strict';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { packageRoot } from '../../src/common/package.js';
import { readSettings, settingNames, settingsTable } from '../../src/config.js';
import { libraryVariable } from '../../src/ort/library.js';
import { allowedPaths } from './build-context.js';
import { buildToolsIn } from './build-tools.js';
import { ancestry, pairsOf, parseDockerfile, stagesOf, wordsOf } from './dockerfile.js';

const read = (path: string) => readFileSync(join(packageRoot, path), 'utf8');
const stages = stagesOf(parseDockerfile(read('docker/Dockerfile')));
const instructionsOf = (target: string) => ancestry(stages, target).flatMap((stage) => stage.instructions);
const variables = new Set<string>(
  settingNames.flatMap((name): string[] => {
    const { env, ...more } = settingsTable[name];
    return 'common' in more && more.common !== undefined ? [env, more.common] : [env];
  }),
);

for (const target of ['cpu', 'cuda'] as const) {
  describe(`the ${target} image`, () => {
    const instructions = instructionsOf(target);
    const named = (name: string) => instructions.filter((one) => one.name === name);
    const environment = Object.fromEntries(named('ENV').flatMap(({ text }) => pairsOf(text)));

    test('does not run as root, and its user is a number, which Kubernetes can check', () => {
      assert.match(named('USER').at(-1)?.text ?? '', /^[1-9]\d*:[1-9]\d*$/);
    });

    test('sets settings that there are, to values that they take', () => {
      const others = /^(NODE_ENV|LD_LIBRARY_PATH|NVIDIA_\w+)$/;
      for (const name of Object.keys(environment))
        assert.ok(variables.has(name) || others.test(name) || name === libraryVariable, name);
      const settings = readSettings(environment);
      assert.equal(settings.host, '0.0.0.0');
      assert.equal(settings.allowAnonymous, false);
      assert.deepEqual(
        [settings.dataDirectory, settings.modelsDirectory],
        named('VOLUME').flatMap((volume) => wordsOf(volume)),
      );
      assert.equal(named('EXPOSE').at(-1)?.text, String(settings.port));
    });

    test('starts, and is looked at, with files that are in it', () => {
      for (const name of ['ENTRYPOINT', 'HEALTHCHECK']) {
        const instruction = named(name).at(-1);
        assert.ok(instruction, name);
        const [program, file = ''] = wordsOf(instruction);
        assert.equal(program, 'node');
        assert.match(file, /^\/app\/docker\//);
        const source = file.replace('/app/', '');
        assert.ok(named('COPY').some(({ text }) => text.split(' ').includes(source)));
      }
    });
  });
}

test('what is copied is there and is sent to the build; other stages come before', () => {
  const sent = allowedPaths(read('.dockerignore'));
  for (const [index, { instructions }] of stages.entries())
    for (const { name, flags, text, line } of instructions) {
      if (name !== 'COPY') continue;
      if (flags.from) {
        assert.ok(
          stages.slice(0, index).some((stage) => stage.name === flags.from),
          `line ${line}`,
        );
        continue;
      }
      for (const source of text.split(' ').slice(0, -1)) {
        assert.ok(existsSync(join(packageRoot, source)), source);
        assert.ok(sent.includes(source.split('/')[0] ?? ''), `${source} is left out by .dockerignore`);
      }
    }
});

test('only the first stage sees npm', () => {
  for (const target of ['cpu', 'cuda'])
    assert.doesNotMatch(ancestry(stages, target)[0]?.from ?? '', /node/, target);
});

test('an image without --target is the CPU one', () => {
  const { from, instructions } = stages.at(-1) ?? {};
  assert.deepEqual({ from, instructions }, { from: 'cpu', instructions: [] });
});

test("the CUDA image's ONNX Runtime has the version of npm's", () => {
  const lock = JSON.parse(read('package-lock.json')) as { packages: Record<string, { version: string }> };
  const [, version] = /^onnxruntime-gpu==(\S+)/m.exec(read('docker/cuda-requirements.txt')) ?? [];
  assert.equal(version, lock.packages['node_modules/onnxruntime-node']?.version);
});

describe('the compose files', () => {
  const files = ['docker/compose.yaml', 'docker/compose.cuda.yaml'].map(read);

  test('set settings that there are, to values that they take', () => {
    for (const file of files) {
      const set = [...file.matchAll(/^ +([A-Z][A-Z_]+): "?([^"\n]*)"?$/gm)].map(
        // An empty variable of the caller's environment counts as unset.
        ([, key = '', value = '']) => [key, value.replace(/^\$\{\w+:-(.*)\}$/, '$1')],
      );
      assert.ok(set.length > 0);
      for (const [key] of set) assert.ok(variables.has(String(key)), key);
      readSettings(Object.fromEntries(set));
    }
  });

  test('build stages that there are', () => {
    for (const file of files) {
      const [, target] = /^ +target: (\S+)$/m.exec(file) ?? [];
      assert.ok(
        stages.some(({ name }) => name === target),
        target,
      );
    }
  });

  test('ask for keys, and let only this machine in', () => {
    const [main = ''] = files;
    assert.ok(files.every((file) => !file.includes('STEERD_ALLOW_ANONYMOUS')));
    const ports = [...main.matchAll(/^ +- "?([\d.:]+:\d+)"?$/gm)].map(([, port]) => port);
    assert.deepEqual(ports, ['127.0.0.1:8080:8080']);
  });

  test('wait longer for the end than answers may take', () => {
    const [main = ''] = files;
    const [, grace] = /stop_grace_period: (\d+)s/.exec(main) ?? [];
    const [, shutdown] = /STEERD_SHUTDOWN_SECONDS: "(\d+)"/.exec(main) ?? [];
    assert.ok(Number(grace) > Number(shutdown));
  });
});

test('build tools are recognised where they lie', () => {
  const found = [
    'usr/bin/gcc-12',
    'usr/bin/x86_64-linux-gnu-gcc',
    'usr/bin/python3.11',
    'usr/local/bin/npx',
    'app/node_modules/.bin/tsc',
    'app/node_modules/typescript/package.json',
  ];
  const harmless = ['usr/bin/makedev', 'usr/local/bin/node', 'app/node_modules/zod/make', 'usr/share/git/x'];
  assert.deepEqual(buildToolsIn([...found, ...harmless]), found);
});
