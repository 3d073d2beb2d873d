/** Steering for clients that cannot ask for it: the key's own, for completions that say nothing about it. */

const completions = /^\/v1\/(chat\/completions|completions|responses)$/;
const own = ['concept', 'strength', 'steering', 'choices'] as const;

/**
 * @param body as it was sent, not yet checked
 * @returns the body with the key's steering, or as it was: `steering: []` in it means none
 */
export function withDefaultSteering(route: string, body: unknown, steering: unknown): unknown {
  if (!completions.test(route) || typeof body !== 'object' || body === null || Array.isArray(body))
    return body;
  const said = own.some((field) => Object.hasOwn(body, field));
  // An alias such as `model@concept:1` says it too.
  const alias = 'model' in body && typeof body.model === 'string' && body.model.includes('@');
  return said || alias ? body : { ...body, steering };
}
