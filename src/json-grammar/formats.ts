/**
 * JSON Schema's string formats as patterns: every match is in the format, but not the reverse (RFC 3339, 5321, 9562,
 * 2673, 3986).
 */
import { z } from 'zod';

const month31 = '(?:0[13578]|1[02])-(?:0[1-9]|[12][0-9]|3[01])';
const month30 = '(?:0[469]|11)-(?:0[1-9]|[12][0-9]|30)';
const february = '02-(?:0[1-9]|1[0-9]|2[0-8])';
const date = `(?:19|20)[0-9]{2}-(?:${month31}|${month30}|${february})`;
const time = '(?:[01][0-9]|2[0-3]):[0-5][0-9]:[0-5][0-9](?:\\.[0-9]{1,6})?';
/**
 * Limited to ten characters: each position of a counted repetition costs the grammar compiler milliseconds, and without
 * a limit a model at a high temperature may write a label that never ends.
 */
const label = '[a-z0-9]{1,10}';
const domain = `(?:${label}\\.){1,2}[a-z]{2,4}`;
const byte = '(?:25[0-5]|2[0-4][0-9]|1[0-9]{2}|[1-9]?[0-9])';
const hex = (count: number) => `[0-9a-f]{${count}}`;

const patterns: Readonly<Record<string, string>> = {
  date,
  time: `${time}Z`,
  'date-time': `${date}T${time}Z`,
  duration: 'P(?:[0-9]{1,4}D(?:T[0-9]{1,4}H)?|T[0-9]{1,4}[HMS])',
  email: `${label}(?:[._-]${label})?@${domain}`,
  hostname: domain,
  ipv4: `${byte}\\.${byte}\\.${byte}\\.${byte}`,
  ipv6: `(?:${hex(4)}:){7}${hex(4)}`,
  uri: `https://${domain}(?:/[a-z0-9_-]{1,12}){0,2}`,
  uuid: `${hex(8)}-${hex(4)}-4${hex(3)}-[89ab]${hex(3)}-${hex(12)}`,
};

/**
 * Formats that tell a string's purpose and do not limit its characters: where it is limited, a pattern beside them does
 * that.
 */
const annotations = new Set(
  'password binary byte path file-path directory-path base64 base64url nanoid cuid cuid2 ulid xid ksuid jwt emoji lowercase uppercase starts_with ends_with includes regex'.split(
    ' ',
  ),
);

const { iso } = z;
/** The zod types whose JSON schemas have a format and a pattern that says the same. */
const zodTypes: Readonly<Record<string, readonly z.ZodType[]>> = {
  date: [iso.date()],
  'date-time': [iso.datetime(), iso.datetime({ offset: true })],
  time: [iso.time()],
  duration: [iso.duration()],
  email: [z.email()],
  ipv4: [z.ipv4()],
  uuid: [z.uuid(), z.uuidv4(), z.guid()],
};

/** The patterns that zod writes beside a format. */
const redundantPatterns = new Map(
  Object.entries(zodTypes).map(([format, types]) => [
    format,
    types.map((type) => z.toJSONSchema(type).pattern),
  ]),
);

/** The formats that limit a string here. */
export const formats: readonly string[] = Object.keys(patterns);

/** The format's pattern; null for a format that limits nothing, undefined for an unknown one. */
export function formatPattern(format: string): string | null | undefined {
  if (annotations.has(format)) return null;
  return Object.hasOwn(patterns, format) ? patterns[format] : undefined;
}

/** Whether a pattern beside a format adds nothing to it. */
export const isRedundant = (format: string, pattern: string): boolean =>
  redundantPatterns.get(format)?.includes(pattern) ?? false;
