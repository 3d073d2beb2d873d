/**
 * Stand-ins for the Dockerfile's base images where no image registry is reached: an empty root from debootstrap,
 * for Node's image with this machine's node and npm in it.
 */
import { cp, mkdir, readFile, realpath, stat, symlink } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { must, outcome } from './process.js';

/**
 * @param name the image's, such as `node:20.20.2-bookworm-slim`
 * @param folder where base roots are kept between stages
 * @returns a root to be copied, not changed
 */
export async function baseRoot(name: string, folder: string): Promise<string> {
  const [, repository, , suite = 'bookworm'] = /^(\w+):([\w.]+-)?(\w+)-slim$/.exec(name) ?? [];
  if (repository !== 'node' && repository !== 'debian') throw new Error(`no stand-in for the image ${name}`);
  const debian = join(folder, `debian-${suite}`);
  if (!(await exists(debian))) {
    if ((await outcome('sh', ['-c', 'command -v debootstrap'])).code !== 0)
      throw new Error('debootstrap is missing: apt-get install debootstrap');
    await must('debootstrap', ['--variant=minbase', suite, debian]);
    await must('sh', ['-c', 'rm -rf "$0"/var/cache/apt/archives/*.deb "$0"/var/lib/apt/lists/*', debian]);
  }
  if (repository === 'debian') return debian;
  const root = join(folder, `node-${suite}`);
  if (!(await exists(root))) {
    await must('cp', ['-a', debian, root]);
    await installNode(root);
  }
  return root;
}

/** Node and npm as Node's own image has them, under /usr/local. */
async function installNode(root: string): Promise<void> {
  const local = join(root, 'usr/local');
  await cp(process.execPath, join(local, 'bin/node'));
  const program = await realpath((await must('sh', ['-c', 'command -v npm'])).trim());
  const npm = dirname(dirname(program));
  const { name } = JSON.parse(await readFile(join(npm, 'package.json'), 'utf8')) as { name: string };
  if (name !== 'npm') throw new Error(`${npm} is not npm's folder`);
  await mkdir(join(local, 'lib/node_modules'), { recursive: true });
  await must('cp', ['-a', npm, join(local, 'lib/node_modules/npm')]);
  for (const tool of ['npm', 'npx'])
    await symlink(`../lib/node_modules/npm/bin/${tool}-cli.js`, join(local, 'bin', tool));
}

const exists = (path: string) =>
  stat(path).then(
    () => true,
    () => false,
  );
