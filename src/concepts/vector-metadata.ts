/**
 * What a file of vectors says in its metadata about their use. Some hold directions to be taken out of the stream
 * (abliteration; `glp.mode` = "project" in the GLP files, which are control vectors in all else): added, they would do
 * the opposite of what they were made for.
 */

/** Last parts of the keys that say how a vector is applied. `method` is not one: it says how it was made. */
const useKeys =
  /^(mode|type|kind|op|operation|operator|algorithm|apply|application|application_mode|intervention|steering_type|steering_mode|vector_type|usage|use)$/;
const projectionKeys = /^(projection|project|project_out|ablation|ablate|orthogonali[sz]e)$/;
const projecting = /project|ablat|ablit|orthogonali|erase|nullspace|null_space/i;

/**
 * The first entry by which the vectors are for projection, as `key = "value"`; null when nothing says so.
 * @param metadata keys with their values; a key's parts are separated by dots
 */
export function saidProjection(metadata: Iterable<readonly [string, unknown]>): string | null {
  for (const [key, value] of metadata) {
    const name = key.toLowerCase().split('.').at(-1) ?? '';
    const used = useKeys.test(name) && typeof value === 'string' && projecting.test(value);
    const flagged = projectionKeys.test(name) && isOn(value);
    if (used || flagged) return `${key.slice(0, 80)} = ${JSON.stringify(String(value).slice(0, 80))}`;
  }
  return null;
}

const isOn = (value: unknown) =>
  value === true ||
  value === 1 ||
  (typeof value === 'string' && /^(true|1|yes|on)$|project|ablat/i.test(value));
