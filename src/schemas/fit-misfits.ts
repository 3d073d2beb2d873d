/** What is wrong with a fit's fields that are right one by one but do not go together. */
import { auto, conceptClassNames, fitRecipes, type RecipeChoice } from './fit-choices.js';
import { type FitFields, prefixExpected } from './fit-fields.js';

/** Examples are a recipe of their own, named or not. */
export const chosenRecipe = ({ recipe, examples }: Pick<FitFields, 'recipe' | 'examples'>): RecipeChoice =>
  recipe === auto && examples !== undefined ? 'examples' : recipe;

/** [field at fault, requirement] */
export function* misfits(fit: FitFields): Generator<readonly [string, string]> {
  const { statements, examples, token } = fit;
  const recipe = chosenRecipe(fit);
  yield* statedMisfits(fit);
  yield* contrastMisfits(fit);
  if (recipe === auto) return yield* autoMisfits(fit);
  if (recipe === 'examples') {
    if (examples === undefined) yield ['examples', 'must be given with recipe "examples"'];
    else if (typeof examples === 'object' && sameTexts(examples))
      yield ['examples.negative', 'must differ from examples.positive'];
  } else if (examples !== undefined) yield ['examples', `must be left out with recipe "${recipe}"`];
  if ((recipe === 'examples' || recipe === 'texts') && statements !== undefined)
    yield ['statements', `must be left out with recipe "${recipe}"`];
  if ((recipe === 'responses' || recipe === 'texts') && token !== undefined)
    yield ['token', `must be left out with recipe "${recipe}", which reads whole answers`];
  if (recipe !== 'texts' && fit.texts !== undefined)
    yield ['texts', `must be left out with recipe "${recipe}", which has none written`];
  if (recipe !== 'attention' && comparedLayers(fit) !== undefined)
    yield [
      'layers',
      `must be "all" or a list with recipe "${recipe}", which compares no layers by attention`,
    ];
}

/** What means something else to each recipe, or nothing to some: only who names the recipe can mean it. */
function* autoMisfits(fit: FitFields): Generator<readonly [string, string]> {
  const alone = 'must be left out with recipe "auto"';
  if (fit.statements !== undefined)
    yield ['statements', `${alone}, whose recipes ask statements, questions or neither: name the recipe`];
  if (fit.token !== undefined)
    yield ['token', `${alone}, where recipe attention alone reads one token: name the recipe`];
  if (fit.labels !== undefined)
    yield ['labels', `${alone}, where each recipe has its usual ones: name the recipe`];
  const compared = comparedLayers(fit);
  if (compared !== undefined)
    yield [
      `layers.${compared}`,
      `${alone}, where recipe attention alone compares layers so: name the recipe`,
    ];
}

/** Layers that are chosen by how many of their heads attend to the concept: the most or the fewest. */
function comparedLayers({ layers }: Pick<FitFields, 'layers'>): 'top' | 'bottom' | undefined {
  if (layers === undefined || typeof layers !== 'object') return undefined;
  return 'top' in layers ? 'top' : 'bottom' in layers ? 'bottom' : undefined;
}

/** What states the concept. */
function* statedMisfits(fit: FitFields): Generator<readonly [string, string]> {
  const { prefix, subject, class: conceptClass } = fit;
  const recipe = chosenRecipe(fit);
  if (conceptClass !== undefined) {
    if (prefix !== undefined)
      yield ['prefix', 'must be left out with class and subject, which state the concept'];
    if (subject === undefined) yield ['subject', `must be given with class "${conceptClass}"`];
  } else if (prefix === undefined) {
    if (subject !== undefined && recipe !== 'texts' && recipe !== auto)
      yield ['class', `must be one of ${conceptClassNames.join(', ')} for a subject, or prefix be given`];
    if (subject === undefined && recipe !== 'examples') yield ['prefix', prefixExpected];
  } else if (subject === undefined && prefix.includes('{x}'))
    yield ['subject', 'must be given for the {x} in prefix'];
}

function* contrastMisfits(fit: FitFields): Generator<readonly [string, string]> {
  const { opposite, others } = fit;
  const recipe = chosenRecipe(fit);
  const contrast = fit.contrast ?? (recipe === auto ? 'others' : fitRecipes[recipe].defaultContrast);
  if (recipe === 'examples' && contrast !== 'none')
    yield ['contrast', 'must be left out with recipe "examples", whose negatives are the contrast'];
  if (others !== undefined && contrast !== 'others')
    yield ['others', `must be left out with contrast "${contrast}"`];
  if (opposite !== undefined && contrast !== 'opposite')
    yield ['opposite', `must be left out with contrast "${contrast}"`];
  if (opposite === undefined && contrast === 'opposite')
    yield ['opposite', 'must be given with contrast "opposite"'];
  if (fit.bare_share !== undefined && contrast === 'none')
    yield ['bare_share', 'must be left out with contrast "none", where all negatives are bare'];
}

/** Whether two sides hold the same examples, in whatever order. */
function sameTexts({
  positive,
  negative,
}: {
  positive: readonly unknown[];
  negative: readonly unknown[];
}): boolean {
  const texts = (side: readonly unknown[]) =>
    JSON.stringify([...new Set(side.map((item) => JSON.stringify(item)))].sort());
  return texts(positive) === texts(negative);
}
