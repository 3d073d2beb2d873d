/** Names of models on a hub: `owner/name` (or a bare `name`, as early repositories have), at a revision. */
import { errors } from '../errors.js';

interface RepositoryRevision {
  readonly repository: string;
  /** A branch, a tag or a commit. */
  readonly revision: string;
  /** Words of a GGUF file's name, such as `Q4_K_M`. */
  readonly gguf?: string | undefined;
}

export const defaultRevision = 'main';

/**
 * Hugging Face's rule for each part: letters, digits, "-", "_", "."; no "--" or ".."; "-" and "." neither first nor
 * last.
 */
const partForm = /^(?![-.])(?!.*(?:--|\.\.))[\w.-]{1,96}(?<![-.])$/;
const revisionForm = /^(?!\/)(?!.*(?:\.\.|\/\/))[\w./-]{1,200}(?<![/.])$/;

export const repositoryExpected = 'the id of a model on the hub such as HuggingFaceTB/SmolLM2-135M-Instruct';
const ggufExpected = 'the id of a model, and after a colon words of a GGUF file such as Q4_K_M';
export const revisionExpected = 'a branch, a tag or a commit';

export const isRepository = (text: string): boolean => {
  const parts = text.split('/');
  return parts.length <= 2 && parts.every((part) => partForm.test(part));
};

export const isRevision = (text: string): boolean => revisionForm.test(text);

/**
 * Parses `ID[:GGUF][@revision]`.
 * @throws SteerdError invalid_value
 */
export function parseRepository(text: string): RepositoryRevision {
  const at = text.indexOf('@');
  const [repository = '', ...words] = (at < 0 ? text : text.slice(0, at)).split(':');
  const revision = at < 0 ? defaultRevision : text.slice(at + 1);
  if (!isRepository(repository)) throw errors.invalidValue('model', repositoryExpected, repository);
  if (!isRevision(revision)) throw errors.invalidValue('revision', revisionExpected, revision);
  if (words.length === 0) return { repository, revision };
  const gguf = words.join(':');
  if (!/^[\w.-]{1,60}$/.test(gguf)) throw errors.invalidValue('model', ggufExpected, gguf);
  return { repository, revision, gguf };
}
