/**
 * Every recipe by its name in the API. A new one is a file in this folder that makes a `Recipe` (examples.ts is the
 * shortest), a line in this table, and its name, description and defaults in src/schemas/fit-choices.ts. What its
 * requests must and must not have stands in src/schemas/fit-misfits.ts, and whether `auto` tries it in
 * src/fitting/fit-plan.ts.
 */
import type { RecipeName } from '../../schemas/fit-choices.js';
import { attention } from './attention.js';
import { examples } from './examples.js';
import type { Recipe } from './recipe.js';
import { responses } from './responses.js';
import { texts } from './texts.js';

export const recipes: Readonly<Record<RecipeName, Recipe>> = { attention, responses, texts, examples };
