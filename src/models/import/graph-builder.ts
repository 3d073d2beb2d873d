/** The builder that imports use outside of tests. */
import { errors } from '../../errors.js';
import type { Builder } from './builder.js';

export const graphBuilder: Builder = {
  size: () => {
    throw errors.checkpointUnsupported('the checkpoint', 'no builder yet');
  },
  build: async () => {},
};
