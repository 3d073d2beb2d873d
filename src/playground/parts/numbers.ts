/** Numbers as people read them. */

/** Two decimals and a real minus; none before what rounds to nothing. */
export const decimalText = (value: number): string =>
  value
    .toFixed(2)
    .replace(/^-(?=0\.00$)/, '')
    .replace('-', '\u2212');
