/** Granite: Llama with a multiplier in each place. */
import type { Family } from '../description/family.js';
import { llama } from './llama.js';

export const granite: Family = {
  modelType: 'granite',
  defaults: {
    ...llama.defaults,
    attention_multiplier: 1,
    embedding_multiplier: 1,
    residual_multiplier: 1,
    logits_scaling: 1,
  },
  traits: (config) => ({
    scoreScale: config.positive('attention_multiplier'),
    embeddingScale: config.positive('embedding_multiplier'),
    residualScale: config.positive('residual_multiplier'),
    logitsDivisor: config.positive('logits_scaling'),
  }),
};
