/** How commands say what to steer by: `--concept pirate --strength 0.8`, or `--concept pirate:0.8+sad:-0.5`. */
import { type Command, Option } from 'commander';
import { errors } from '../errors.js';

export interface SteeringOptions {
  readonly concept?: string;
  readonly strength?: string;
}

export interface Item {
  readonly concept: string;
  readonly strength: number;
}

export function addSteering(command: Command): void {
  command
    .addOption(
      new Option('-c, --concept <names>', 'what to steer by: pirate, pirate:0.8 or pirate:0.8+sad:-0.5'),
    )
    .option('-s, --strength <number>', 'of concepts that name none: 1 is as measured, 0 is off (default: 1)');
}

/** @throws SteerdError invalid_value that echoes what was typed */
export function numberOf(flag: string, text: string): number {
  const value = text.trim() === '' ? Number.NaN : Number(text);
  if (Number.isFinite(value)) return value;
  throw errors.invalidValue(flag, 'a number', text);
}

/** A whole number from 1 on. @throws SteerdError invalid_value */
export function countOf(flag: string, text: string): number {
  if (/^[1-9]\d{0,8}$/.test(text.trim())) return Number(text);
  throw errors.invalidValue(flag, 'a whole number from 1', text);
}

/** Empty for none. @throws SteerdError invalid_value */
export function itemsOf({ concept, strength }: SteeringOptions): Item[] {
  const usual = strength === undefined ? 1 : numberOf('--strength', strength);
  if (concept === undefined || concept === '' || concept === 'none') return [];
  return concept.split('+').map((part) => {
    // Names may have colons: a strength is what follows the last one, if it is a number.
    const [, name, given] = /^(.+):([-+]?[\d.]+(?:e[-+]?\d+)?)$/i.exec(part.trim()) ?? [];
    return name === undefined || given === undefined
      ? { concept: part.trim(), strength: usual }
      : { concept: name, strength: numberOf('--concept', given) };
  });
}

export const shownItems = (items: readonly Item[]): string =>
  items.length === 0
    ? 'no concept'
    : items.map(({ concept, strength }) => `${concept} at ${strength}`).join(', ');
