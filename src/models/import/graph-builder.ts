/** The builder that imports use outside of tests. */
import { buildModel, buildSize } from '../../build/build-model.js';
import { familyOf } from '../../build/describe.js';
import { ConfigValues } from '../../build/description/config-values.js';
import { isPlainObject } from '../../common/canonical-json.js';
import type { Builder } from './builder.js';

export const graphBuilder: Builder = {
  size: buildSize,
  build: buildModel,
  check: (config) => {
    familyOf(new ConfigValues(isPlainObject(config.text_config) ? config.text_config : config));
  },
};
