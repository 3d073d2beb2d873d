/** Every recipe by its name in the API. A new one is a file here and a line in this table. */
import type { Recipe } from './recipe.js';
import { responses } from './responses.js';

export const recipes = { responses } satisfies Record<string, Recipe>;

export type RecipeName = keyof typeof recipes;
export const recipeNames = Object.keys(recipes) as [RecipeName, ...RecipeName[]];
export const defaultRecipe: RecipeName = 'responses';
