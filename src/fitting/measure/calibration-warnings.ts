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

/** Another way to find the concept that needs no obedience. */
const instead =
  'use recipe "texts" with a subject, or recipe "examples" with eight pairs of texts with the concept and without';

/**
 * Sentences for the user, none when all is well.
 * @param details of a calibration, whatever its method
 */
export function calibrationWarnings(details: Readonly<Record<string, unknown>>): string[] {
  const { weak, max_strength: most, scores, told } = MeasuredDetails.parse(details);
  const warnings: string[] = [];
  if (told?.follows === false) {
    warnings.push(
      `The model hardly shows this concept when it is told (${nats(told.evidence)} of evidence, recognised in ${percent(told.identified)} of its answers), so that a direction found by telling it has little to go by: ${instead}.`,
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
  return [...recordedWarnings(record.details), ...calibrationWarnings(calibration.details)];
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
