/** The sampling values that a model's makers recommend: those of `generation_config.json`. */
import { readJsonObject } from './json-file.js';

/** Only what the file has and what is within the bounds of a request. */
export interface SamplingDefaults {
  readonly temperature?: number;
  readonly topP?: number;
  readonly topK?: number;
  readonly minP?: number;
  readonly repetitionPenalty?: number;
}

type Name = keyof SamplingDefaults;

const fields: Readonly<Record<Name, readonly [field: string, isFit: (value: number) => boolean]>> = {
  temperature: ['temperature', (value) => value >= 0 && value <= 2],
  topP: ['top_p', (value) => value > 0 && value <= 1],
  topK: ['top_k', (value) => Number.isSafeInteger(value) && value >= 0],
  minP: ['min_p', (value) => value >= 0 && value <= 1],
  repetitionPenalty: ['repetition_penalty', (value) => value > 0 && value <= 100],
};

/**
 * Values that change nothing, such as `top_p: 1`, are left out; a temperature of 1 is none of them, as the usual one is
 * lower.
 * @throws Error naming the file when it is not a JSON object
 */
export async function loadSamplingDefaults(directory: string): Promise<SamplingDefaults> {
  const config = (await readJsonObject(directory, 'generation_config.json')) ?? {};
  const entries = Object.entries(fields).flatMap(([name, [field, isFit]]) => {
    const { [field]: value } = config;
    const idle = name === 'temperature' ? undefined : neutralSampling[name as Name];
    return typeof value === 'number' && isFit(value) && value !== idle ? [[name, value]] : [];
  });
  return Object.fromEntries(entries) as SamplingDefaults;
}

/** What changes nothing. */
export const neutralSampling: Readonly<Record<Name, number>> = {
  temperature: 1,
  topP: 1,
  topK: 0,
  minP: 0,
  repetitionPenalty: 1,
};

/** Where neither the request nor the model says anything. At temperature 1 a small model rambles. */
export const usualSampling: Readonly<Record<Name, number>> = { ...neutralSampling, temperature: 0.7 };
