/** The sets of pairs that ship with the product, by the names that a fit's request may give as its `examples`. */
import type { ExampleSetName } from '../../../schemas/fit-choices.js';
import { french, list } from './forms.js';
import { formal, pirate, shakespeare } from './manners.js';
import { cheerful, horror, sad } from './moods.js';
import type { PairSet } from './pair.js';
import { egypt, garden, ocean, sciFi, space } from './topics.js';

export const pairSets: Readonly<Record<ExampleSetName, PairSet>> = {
  ocean,
  space,
  egypt,
  garden,
  'sci-fi': sciFi,
  sad,
  cheerful,
  horror,
  pirate,
  formal,
  shakespeare,
  french,
  list,
};
