/** The time of day as OpenAI's `created` fields have it: whole seconds since 1970. */
export const unixSeconds = (): number => Math.floor(Date.now() / 1000);
