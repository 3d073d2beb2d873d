/** From a request's sampling fields to the engine's: defaults filled in, token ids checked, seeds folded. */
import { randomInt } from 'node:crypto';
import type { ModelShape, Sampling } from '../engine/protocol.js';
import { errors } from '../errors.js';
import type { GenerationOptions } from '../schemas/generation.js';

/** Any 64-bit seed as an unsigned 32-bit one; those that fit already stay as they are. */
export function foldSeed(seed: number): number {
  const bits = BigInt.asUintN(64, BigInt(seed));
  return Number(BigInt.asUintN(32, bits ^ (bits >> 32n)));
}

/** The seed of choice `index` of a prompt. */
export const seedOfChoice = (seed: number, index: number): number => (seed + index) % 2 ** 32;

function logitBiases(biases: Readonly<Record<string, number>>, { vocabularySize }: ModelShape) {
  return Object.entries(biases).map(([key, bias]): readonly [number, number] => {
    const token = /^\d{1,15}$/.test(key) ? Number(key) : -1;
    if (token < 0 || token >= vocabularySize) {
      throw errors.invalidValue(
        'logit_bias',
        `an object whose keys are token ids from 0 to ${vocabularySize - 1}`,
        key,
      );
    }
    return [token, bias];
  });
}

/** @throws SteerdError when logit_bias has an id outside the vocabulary */
export function toSampling(options: GenerationOptions, shape: ModelShape): Sampling {
  return {
    temperature: options.temperature ?? 1,
    topP: options.top_p ?? 1,
    topK: Math.max(0, options.top_k ?? 0),
    minP: options.min_p ?? 0,
    repetitionPenalty: options.repetition_penalty ?? 1,
    presencePenalty: options.presence_penalty ?? 0,
    frequencyPenalty: options.frequency_penalty ?? 0,
    logitBias: logitBiases(options.logit_bias ?? {}, shape),
    seed: typeof options.seed === 'number' ? foldSeed(options.seed) : randomInt(2 ** 32),
  };
}
