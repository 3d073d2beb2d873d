/** How a model on a hub is named: `owner/name` (or the bare `name` of old), at a revision. */
import { errors } from '../errors.js';

export interface RepositoryRevision {
  readonly repository: string;
  /** A branch, a tag or a commit. */
  readonly revision: string;
}

export const defaultRevision = 'main';

/** The hub's own rule: letters, digits, "-", "_", "."; no "--" or ".."; "-" and "." neither first nor last. */
const part = '(?![-.])(?!.*(?:--|\\.\\.))[\\w.-]{1,96}(?<![-.])';
const repositoryForm = new RegExp(`^(?:${part}/)?${part}$`);
const revisionForm = /^(?!\/)(?!.*(?:\.\.|\/\/))[\w./-]{1,200}(?<![/.])$/;

export const repositoryExpected = 'the id of a model on the hub such as HuggingFaceTB/SmolLM2-135M-Instruct';
export const revisionExpected = 'a branch, a tag or a commit';

/** Owner and name are checked apart: what one may not end with, the other may not begin with. */
export const isRepository = (text: string): boolean =>
  text.split('/').length <= 2 && text.split('/').every((piece) => repositoryForm.test(piece));

export const isRevision = (text: string): boolean => revisionForm.test(text);

/**
 * Reads `ID[@revision]`.
 * @throws SteerdError invalid_value
 */
export function parseRepository(text: string): RepositoryRevision {
  const at = text.indexOf('@');
  const repository = at < 0 ? text : text.slice(0, at);
  const revision = at < 0 ? defaultRevision : text.slice(at + 1);
  if (!isRepository(repository)) throw errors.invalidValue('model', repositoryExpected, repository);
  if (!isRevision(revision)) throw errors.invalidValue('revision', revisionExpected, revision);
  return { repository, revision };
}
