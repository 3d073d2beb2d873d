/**
 * GPT-2's byte alphabet, in which vocabularies write bytes: a printable Latin-1 byte is its own character, the others are
 * U+0100 and up in their order.
 */
export const byteCharacters: readonly string[] = (() => {
  let next = 256;
  const printable = (byte: number) =>
    (byte >= 33 && byte <= 126) || (byte >= 161 && byte <= 172) || (byte >= 174 && byte <= 255);
  return Array.from({ length: 256 }, (_, byte) => String.fromCodePoint(printable(byte) ? byte : next++));
})();

/** Bytes in that alphabet. */
export const inByteAlphabet = (bytes: Uint8Array): string =>
  Array.from(bytes, (byte) => byteCharacters[byte] as string).join('');
