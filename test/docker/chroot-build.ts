/** Builds a Dockerfile's target without docker: its instructions, one after the other, in roots made by debootstrap. */
import { copyFile, mkdir, readFile, rm, stat } from 'node:fs/promises';
import { basename, dirname, join, resolve } from 'node:path';
import { baseRoot } from './base-images.js';
import { copyContext } from './build-context.js';
import { enter } from './chroot.js';
import { ChrootImage } from './chroot-image.js';
import {
  ancestry,
  fill,
  type Instruction,
  pairsOf,
  parseDockerfile,
  type Stage,
  stagesOf,
  wordsOf,
} from './dockerfile.js';
import type { Image } from './image.js';
import { must } from './process.js';

/** What instructions other than RUN and COPY leave behind; a stage made from another begins with its. */
export interface ImageConfig {
  readonly environment: Record<string, string>;
  workingDirectory: string;
  user: string;
  entrypoint: string[];
  command: string[];
  healthCheck: string[];
  volumes: string[];
}

interface Built {
  readonly root: string;
  readonly config: ImageConfig;
}

const path = '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin';
const certificates = process.env.NODE_EXTRA_CA_CERTS ?? process.env.SSL_CERT_FILE;

/**
 * @param scratch an empty folder for roots; base roots are kept beside it for the next target
 * @param say gets a line for each instruction
 */
export async function buildInChroot(
  folder: string,
  target: string,
  scratch: string,
  say: (line: string) => void,
): Promise<Image> {
  const context = join(scratch, 'context');
  await copyContext(folder, context);
  const stages = stagesOf(parseDockerfile(await readFile(join(folder, 'docker/Dockerfile'), 'utf8')));
  const build = new ChrootBuild(stages, context, scratch, say);
  const { root, config } = await build.stage(target);
  return new ChrootImage(root, config, scratch);
}

class ChrootBuild {
  readonly #built = new Map<string, Promise<Built>>();

  constructor(
    readonly stages: readonly Stage[],
    readonly context: string,
    readonly scratch: string,
    readonly say: (line: string) => void,
  ) {}

  stage(name: string): Promise<Built> {
    const known = this.#built.get(name) ?? this.#make(name);
    this.#built.set(name, known);
    return known;
  }

  async #make(name: string): Promise<Built> {
    const stage = ancestry(this.stages, name).at(-1);
    if (!stage) throw new Error(`the Dockerfile has no stage ${name}`);
    const parent = this.stages.some((one) => one.name === stage.from) ? await this.stage(stage.from) : null;
    const root = join(this.scratch, `stage-${name}`);
    this.say(`${name}: FROM ${stage.from}`);
    await must('cp', ['-a', parent?.root ?? (await baseRoot(stage.from, dirname(this.scratch))), root]);
    const config = structuredClone(parent?.config) ?? {
      environment: { PATH: path },
      workingDirectory: '/',
      user: '0:0',
      entrypoint: [],
      command: [],
      healthCheck: [],
      volumes: [],
    };
    for (const instruction of stage.instructions) await this.#carryOut(instruction, name, { root, config });
    return { root, config };
  }

  async #carryOut(instruction: Instruction, stage: string, { root, config }: Built): Promise<void> {
    const { name, line } = instruction;
    const text =
      name === 'RUN' ? instruction.text : fill(instruction.text, new Map(Object.entries(config.environment)));
    this.say(`${stage}: ${name} ${text}`);
    if (name === 'RUN') await run(root, config, text);
    else if (name === 'COPY') await this.#copy(instruction, text, { root, config });
    else if (name === 'WORKDIR') {
      config.workingDirectory = resolve(config.workingDirectory, text);
      await mkdir(join(root, config.workingDirectory), { recursive: true });
    } else if (name === 'ENV') Object.assign(config.environment, Object.fromEntries(pairsOf(text)));
    else if (name === 'USER') config.user = text;
    else if (name === 'ENTRYPOINT') config.entrypoint = wordsOf(instruction);
    else if (name === 'CMD') config.command = wordsOf(instruction);
    else if (name === 'HEALTHCHECK') config.healthCheck = wordsOf(instruction);
    else if (name === 'VOLUME') config.volumes.push(...wordsOf(instruction));
    else if (name === 'STOPSIGNAL' && text !== 'SIGTERM')
      throw new Error(`line ${line}: containers are stopped with SIGTERM here`);
    else if (!['STOPSIGNAL', 'EXPOSE', 'LABEL'].includes(name))
      throw new Error(`line ${line}: ${name} in a stage is not carried out here`);
  }

  async #copy({ flags, line }: Instruction, text: string, { root, config }: Built): Promise<void> {
    const other = Object.keys(flags).find((key) => key !== 'from');
    if (other) throw new Error(`line ${line}: COPY --${other} is not carried out here`);
    const source = flags.from === undefined ? this.context : (await this.stage(flags.from)).root;
    const names = text.split(/\s+/);
    const last = names.pop() ?? '.';
    const to = join(root, resolve(config.workingDirectory, last));
    const intoFolder = last.endsWith('/') || names.length > 1 || (await isFolder(to));
    for (const name of names) {
      const from = join(source, name);
      // What is in a folder, not the folder, goes to its place.
      const place = intoFolder && !(await isFolder(from)) ? join(to, basename(name)) : to;
      await mkdir(dirname(place), { recursive: true });
      await must('cp', ['-a', '--no-preserve=ownership', '-T', from, place]);
    }
  }
}

const isFolder = (path: string) =>
  stat(path).then(
    (found) => found.isDirectory(),
    () => false,
  );

/** With this machine's extra certificate authorities, which a proxy in its network may need; the image keeps none. */
async function run(root: string, config: ImageConfig, text: string): Promise<void> {
  const inside = '/run/host-certificates.pem';
  const trust: Record<string, string> = {};
  if (certificates) {
    await copyFile(certificates, join(root, inside));
    for (const name of ['NODE_EXTRA_CA_CERTS', 'SSL_CERT_FILE', 'PIP_CERT']) trust[name] = inside;
  }
  const { environment, workingDirectory, user } = config;
  const command = enter({ root, environment: { ...environment, ...trust }, workingDirectory, user }, [
    '/bin/sh',
    '-c',
    text,
  ]);
  await must(command.program, command.words);
  await rm(join(root, inside), { force: true });
}
