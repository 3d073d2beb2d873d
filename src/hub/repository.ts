/** Names of models on a hub: `owner/name` (or a bare `name`, as early repositories have), at a revision. */
import { errors } from '../errors.js';

interface RepositoryRevision {
  readonly repository: string;
  /** A branch, a tag or a commit. */
  readonly revision: string;
}

export const defaultRevision = 'main';

/**
 * Hugging Face's rule for each part: letters, digits, "-", "_", "."; no "--" or ".."; "-" and "." neither first nor
 * last.
 */
const partForm = /^(?![-.])(?!.*(?:--|\.\.))[\w.-]{1,96}(?<![-.])$/;
const revisionForm = /^(?!\/)(?!.*(?:\.\.|\/\/))[\w./-]{1,200}(?<![/.])$/;

export const repositoryExpected = 'the id of a model on the hub such as HuggingFaceTB/SmolLM2-135M-Instruct';
export const revisionExpected = 'a branch, a tag or a commit';

export const isRepository = (text: string): boolean => {
  const parts = text.split('/');
  return parts.length <= 2 && parts.every((part) => partForm.test(part));
};

export const isRevision = (text: string): boolean => revisionForm.test(text);

/**
 * Parses `ID[@revision]`.
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
