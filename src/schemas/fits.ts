/** What a fit is asked with: the body of `POST /v1/fits` and `POST /v1/concepts`, and each entry of a list of fits. */
import { z } from 'zod';
import { strictly } from './fields.js';
import { fitFields } from './fit-fields.js';
import { misfits } from './fit-misfits.js';

export const FitRequest = z
  .strictObject(fitFields, {
    error: strictly(
      'the fit',
      Object.keys(fitFields),
      'must be an object with a name and what states the concept',
    ),
  })
  .superRefine((fit, context) => {
    for (const [field, message] of misfits(fit)) {
      context.addIssue({ code: 'custom', path: field.split('.'), message, input: fit });
    }
  })
  .meta({
    example: {
      name: 'winter',
      recipe: 'responses',
      prefix: 'You are obsessed with winter: snow, ice and cold come up in every sentence.',
    },
  });
export type FitRequest = z.output<typeof FitRequest>;
