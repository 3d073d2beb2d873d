/** Every recipe by its name in the API. A new one is a file here and a line in this table. */
import { attention } from './attention.js';
import { examples } from './examples.js';
import type { Recipe } from './recipe.js';
import { responses } from './responses.js';

export const recipes = { attention, responses, examples } satisfies Record<string, Recipe>;

export type RecipeName = keyof typeof recipes;
export const recipeNames = Object.keys(recipes) as [RecipeName, ...RecipeName[]];
export const defaultRecipe: RecipeName = 'attention';
