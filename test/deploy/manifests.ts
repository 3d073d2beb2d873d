/** The Kubernetes manifests as `kubectl kustomize` would give them: resources of a base, patched by an overlay. */
import { readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parse, parseAllDocuments } from 'yaml';
import { z } from 'zod';

export const root = join(dirname(fileURLToPath(import.meta.url)), '../../..');

export const Resource = z.looseObject({
  apiVersion: z.string(),
  kind: z.string(),
  metadata: z.looseObject({ name: z.string(), labels: z.record(z.string(), z.string()).optional() }),
});
export type Resource = z.output<typeof Resource>;

const Operation = z.object({
  op: z.enum(['add', 'replace', 'remove']),
  path: z.string(),
  value: z.unknown(),
});

const Kustomization = z.strictObject({
  apiVersion: z.literal('kustomize.config.k8s.io/v1beta1'),
  kind: z.literal('Kustomization'),
  namespace: z.string().optional(),
  resources: z.array(z.string()),
  images: z.array(z.strictObject({ name: z.string(), newName: z.string(), newTag: z.string() })).optional(),
  patches: z
    .array(
      z.strictObject({
        target: z.strictObject({ kind: z.string(), name: z.string().optional() }),
        patch: z.string(),
      }),
    )
    .optional(),
});

export const readKustomization = (folder: string) =>
  Kustomization.parse(parse(readFileSync(join(folder, 'kustomization.yaml'), 'utf8')));

const readResources = (file: string): Resource[] =>
  parseAllDocuments(readFileSync(file, 'utf8')).map((document) => {
    if (document.errors.length > 0) throw document.errors[0];
    return Resource.parse(document.toJS());
  });

/** All resources of a folder with a kustomization.yaml, patched. */
export function built(folder: string): Resource[] {
  const { resources, patches = [] } = readKustomization(folder);
  const all = resources.flatMap((name) =>
    name.endsWith('.yaml') ? readResources(join(folder, name)) : built(join(folder, name)),
  );
  for (const { target, patch } of patches) {
    const meant = all.filter(
      ({ kind, metadata }) => kind === target.kind && (target.name ?? metadata.name) === metadata.name,
    );
    if (meant.length === 0) throw new Error(`no resource for the patch of ${JSON.stringify(target)}`);
    for (const one of meant)
      for (const operation of z.array(Operation).parse(parse(patch))) apply(one, operation);
  }
  return all;
}

/** RFC 6902, for objects and for places in arrays that exist. */
function apply(resource: Resource, { op, path, value }: z.output<typeof Operation>): void {
  const steps = path
    .split('/')
    .slice(1)
    .map((step) => step.replaceAll('~1', '/').replaceAll('~0', '~'));
  const last = steps.pop() ?? '';
  let parent: unknown = resource;
  for (const step of steps) parent = z.looseObject({}).or(z.array(z.unknown())).parse(parent)[step as never];
  const holder = z.record(z.string(), z.unknown()).or(z.array(z.unknown())).parse(parent);
  const place = parent as Record<string, unknown>;
  if (op !== 'add' && !(last in holder)) throw new Error(`${path} is not there to be ${op}d`);
  if (op === 'remove') delete place[last];
  else place[last] = structuredClone(value);
}
