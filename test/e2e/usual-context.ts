/** Tokens of context that tests of a whole server have: the default would depend on the machine's memory. */
export const usualContext = '4096';
