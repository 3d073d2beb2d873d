/** A measured value as it is kept, to four significant digits: the spread over the questions is larger. */
export const short = (value: number): number => Number(value.toPrecision(4));
