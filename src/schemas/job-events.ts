/** What a client says when it follows a job: which events it has (WHATWG HTML, "Server-sent events"). */
import { z } from 'zod';

const lastEventExpected = 'must be the id of an event, a whole number';

export const EventsHeaders = z.object({
  'last-event-id': z
    .string()
    .regex(/^\d{0,15}$/, { error: lastEventExpected })
    .optional()
    .meta({ description: 'The last event that was received: what came after it is sent.' }),
});
