/** What a calibration found that its user should hear of, in words, and what a list of concepts shows of it. */
import { z } from 'zod';
import type { Calibration, Concept } from '../../concepts/concept.js';
import { recordedWarnings } from '../../concepts/fit-record.js';

/**
 * The part of a calibration's details that is read back. They may be of another method, foreign or of another version:
 * what does not have the form counts as unknown.
 */
const MeasuredDetails = z.looseObject({
  weak: z.boolean().optional().catch(undefined),
  max_strength: z.number().positive().optional().catch(undefined),
  scores: z.looseObject({ concept: z.number().nullable() }).optional().catch(undefined),
  told: z
    .looseObject({ evidence: z.number(), identified: z.number(), follows: z.boolean() })
    .nullish()
    .catch(undefined),
});

/** Recipes that need no obedience: what a model does when it is told takes nothing from their directions. */
const untold = new Set(['texts', 'examples']);

/** What to try where a concept made by this recipe shows little. */
function insteadOf(recipe: string): string {
  if (recipe === 'examples') return 'give it more pairs, or pairs that show the concept in every sentence';
  const examples = 'recipe "examples" with eight pairs of texts with the concept and without';
  return recipe === 'texts'
    ? `say more in the subject of what belongs to it, or use ${examples}`
    : `use recipe "texts" with a subject, or ${examples}`;
}

/**
 * Sentences for the user, none when all is well.
 * @param details of a calibration, whatever its method
 * @param recipe the concept's; what to do instead follows from it
 */
export function calibrationWarnings(details: Readonly<Record<string, unknown>>, recipe = ''): string[] {
  const { weak, max_strength: most, scores, told } = MeasuredDetails.parse(details);
  const warnings: string[] = [];
  const instead = insteadOf(recipe);
  if (told?.follows === false) {
    const shown = `The model hardly shows this concept when it is told (${nats(told.evidence)} of evidence, recognised in ${percent(told.identified)} of its answers)`;
    warnings.push(
      untold.has(recipe)
        ? `${shown}, and strength 1 is measured as a share of that: read the samples before you believe it.`
        : `${shown}, so that a direction found by telling it has little to go by: ${instead}.`,
    );
  }
  if (weak === true) {
    const shown = scores?.concept;
    const measured = shown == null ? '' : ` (${percent(shown)} of what the model shows when it is told)`;
    const stronger =
      most !== undefined && most >= noticeablyMore
        ? `Strengths up to ${most.toFixed(1)} stay within the calibration's bound; if that does not do, ${instead}.`
        : `More would break the text: ${instead}.`;
    warnings.push(`Strength 1 shows little of the concept${measured}. ${stronger}`);
  }
  return warnings;
}

/** What its fit or import recorded, and what its calibration found: all that a concept's user should hear of. */
export function conceptWarnings({ record, calibration }: Pick<Concept, 'record' | 'calibration'>): string[] {
  return [...recordedWarnings(record.details), ...calibrationWarnings(calibration.details, record.recipe)];
}

/** Below, a reader would hardly see that a strength is more than 1. */
const noticeablyMore = 1.2;

/** What is known of a concept's strength, for lists. */
interface StrengthSummary {
  readonly weak?: boolean;
  readonly max_strength?: number;
}

export function strengthSummary({ details }: Pick<Calibration, 'details'>): StrengthSummary {
  const { weak, max_strength } = MeasuredDetails.parse(details);
  return {
    ...(weak === undefined ? {} : { weak }),
    ...(max_strength === undefined ? {} : { max_strength }),
  };
}

const percent = (share: number) => `${Math.round(100 * share)} %`;
const nats = (value: number) => `${value.toFixed(2)} nats per token`;
