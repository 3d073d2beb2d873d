/** The bytes that a vocabulary's entries stand for, which depends on the tokenizer's kind of decoder. */
import { byteCharacters, inByteAlphabet } from '../common/byte-alphabet.js';
import type { GrammarVocabulary } from '../engine/protocol.js';
import { isJsonObject } from './json-file.js';
import type { Tokenizer } from './tokenizer.js';

const encoder = new TextEncoder();

const byteOf = new Map(byteCharacters.map((character, byte) => [character, byte]));

/** An entry in the byte alphabet; one with any other character is text in UTF-8. */
function byteLevel(piece: string): Uint8Array {
  const bytes = [...piece].map((character) => byteOf.get(character));
  return bytes.every((byte) => byte !== undefined) ? Uint8Array.from(bytes) : encoder.encode(piece);
}

/** An entry as SentencePiece writes it: "▁" is a space, "<0xE2>" a byte. */
function sentencePiece(piece: string): Uint8Array {
  const byte = /^<0x([0-9A-Fa-f]{2})>$/.exec(piece)?.[1];
  return byte === undefined
    ? encoder.encode(piece.replaceAll('▁', ' '))
    : Uint8Array.of(Number.parseInt(byte, 16));
}

/** The types of a decoder and of the decoders in a sequence. */
function decoderTypes(decoder: unknown): string[] {
  if (!isJsonObject(decoder)) return [];
  const inner = Array.isArray(decoder.decoders) ? decoder.decoders.flatMap(decoderTypes) : [];
  return typeof decoder.type === 'string' ? [decoder.type, ...inner] : inner;
}

/**
 * A function from a vocabulary entry to its bytes.
 * @param decoder the field of that name in `tokenizer.json`
 */
export function pieceBytes(decoder: unknown): (piece: string) => Uint8Array {
  const types = decoderTypes(decoder);
  if (types.includes('ByteLevel')) return byteLevel;
  if (types.some((type) => ['ByteFallback', 'Metaspace', 'Replace'].includes(type))) return sentencePiece;
  return (piece) => encoder.encode(piece);
}

/**
 * A model's vocabulary for constrained answers: each token's bytes in GPT-2's byte alphabet, "" for a special token.
 */
export function grammarVocabulary(tokenizer: Tokenizer, endTokens: readonly number[]): GrammarVocabulary {
  const tokens = Array.from({ length: tokenizer.vocabularySize }, (_, id) =>
    tokenizer.isSpecial(id) ? '' : inByteAlphabet(tokenizer.bytes(id)),
  );
  return { tokens, endTokens };
}
