/** The builder that imports use outside of tests. */
import { buildModel, buildSize } from '../../build/build-model.js';
import type { Builder } from './builder.js';

export const graphBuilder: Builder = { size: buildSize, build: buildModel };
