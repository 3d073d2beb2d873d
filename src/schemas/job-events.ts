/** The events of a job, of whatever kind, and how a client follows them (WHATWG HTML, "Server-sent events"). */
import { z } from 'zod';

/** What every event has. `object` says of which kind of job it is. */
export const jobEventFields = <Kind extends string>(object: Kind) => ({
  object: z.literal(object),
  id: z.string().meta({ description: 'Counts up within a job; also the id of the server-sent event.' }),
  created_at: z.int().meta({ description: 'Unix seconds.' }),
  level: z.enum(['info', 'error']),
  message: z.string(),
});

const lastEventExpected = 'must be the id of an event, a whole number';

export const EventsHeaders = z.object({
  'last-event-id': z
    .string()
    .regex(/^\d{0,15}$/, { error: lastEventExpected })
    .optional()
    .meta({ description: 'The last event that was received: what came after it is sent.' }),
});
