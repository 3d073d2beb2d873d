import { test } from 'node:test';
import { embeddedDirectory } from '../../helpers/embedded-model.js';
import { checkScoresTogether } from '../../helpers/scores-together.js';

test('answers that the embedded model scores several at once get what each gets alone, to the bit', () =>
  checkScoresTogether(embeddedDirectory));
