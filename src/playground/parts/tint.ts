/** How strongly a reading colours its token: 0 is what neutral answers read, 1 what told ones do. */

/** The reading that has the whole colour: steered tokens read several times what told ones do, and differences among them count too. */
const whole = 8;

/** The background of a token; undefined where nothing is to be seen. Orange towards the concept, blue away from it. */
export function tintOf(value: number | undefined): string | undefined {
  if (value === undefined || Number.isNaN(value)) return undefined;
  const share = Math.min(1, Math.log1p(Math.abs(value)) / Math.log1p(whole));
  if (share < 0.06) return undefined;
  const colour = value > 0 ? 'var(--tint-toward)' : 'var(--tint-away)';
  return `color-mix(in srgb, ${colour} ${Math.round(100 * share)}%, transparent)`;
}
