import { test } from 'node:test';
import { checkTogether } from '../../helpers/captures-together.js';
import { embeddedDirectory } from '../../helpers/embedded-model.js';

test('texts of the embedded model that are captured together get what each gets alone, to the bit', () =>
  checkTogether(embeddedDirectory));
