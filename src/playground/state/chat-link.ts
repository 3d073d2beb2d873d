/** The way from a concept to the chat with it. */
import { models } from './library.js';
import { href } from './route.js';

/** The chat with the concept at strength 1; the model is told where there are several. */
export function chatWith(name: string, model: string): string {
  const params = new URLSearchParams({ concept: `${name}:1` });
  if (models.value.length > 1) params.set('model', model);
  return href('chat', params);
}
