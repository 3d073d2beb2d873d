/** A key's own steering, for clients that cannot ask for any: it goes into bodies that say nothing about steering. */

const steeringFields = ['concept', 'strength', 'steering', 'choices'] as const;

/**
 * @param body of a completion as it was sent, not yet validated
 * @returns the body with the key's steering, or as it was: `steering: []` in it means none
 */
export function withDefaultSteering(body: unknown, steering: unknown): unknown {
  if (typeof body !== 'object' || body === null || Array.isArray(body)) return body;
  // Ollama's clients may ask in their options.
  const places = [body, 'options' in body ? body.options : null];
  const asked = places.some(
    (place) =>
      typeof place === 'object' &&
      place !== null &&
      steeringFields.some((field) => Object.hasOwn(place, field)),
  );
  // An alias such as `model@concept:1` asks for steering too.
  const alias = 'model' in body && typeof body.model === 'string' && body.model.includes('@');
  return asked || alias ? body : { ...body, steering };
}
