/**
 * Tokens in the order of their weights, heaviest first and the lowest id among equals, without sorting them: sums of
 * the first tokens of that order, and the token at a given sum. Each is O(V).
 *
 * Tokens lie in buckets, one for each step of the exponential's table, so a bucket's weights differ by 1.6 % at most. A
 * search walks the buckets' sums to the one that it ends in, and orders only the few tokens there.
 */
import { type BlockTops, blockLength } from './block-tops.js';
import { exponential, exponentialTable, lowestExponent, stepsPerUnit } from './fast-exponential.js';

const bucketCount = exponentialTable.length;
/** Tokens of a bucket that insertion sort takes no longer for than one more division into parts. */
const fewTokens = 24;
const parts = 64;
/** Keeps a sum that rounding made a little too large below the one it was drawn from. */
const almostOne = 1 - 2 ** -48;

export class HeaviestFirst {
  readonly #counts = new Int32Array(bucketCount);
  readonly #masses = new Float64Array(bucketCount);
  /** The tokens of the bucket where a search ends, and their weights. */
  readonly #tokens: Int32Array;
  readonly #weights: Float64Array;
  readonly #partCounts = new Int32Array(parts);
  readonly #partMasses = new Float64Array(parts);
  #logits: Float32Array = new Float32Array(0);
  #top = 0;
  #inverseTemperature = 1;
  #total = 0;
  /** What the search looks for (`#search`). */
  #goalCount = 0;
  #goalMass = 0;
  #goalPast = false;
  /** How many tokens the search has passed, and their weights together. */
  #before = 0;
  #sum = 0;
  /** The token that it ended at. */
  #found = 0;

  /** @param blocks have read the logits that are weighed */
  constructor(
    vocabularySize: number,
    readonly blocks: BlockTops,
  ) {
    this.#tokens = new Int32Array(vocabularySize);
    this.#weights = new Float64Array(vocabularySize);
  }

  /**
   * Takes the weights exp((logit - top) * inverseTemperature), so the largest is 1. The logits must stay as they are
   * until the last search.
   * @param counted whether `sumOf` will be asked
   */
  weigh(logits: Float32Array, top: number, inverseTemperature: number, counted: boolean): void {
    this.#logits = logits;
    this.#top = top;
    this.#inverseTemperature = inverseTemperature;
    const masses = this.#masses.fill(0);
    // This loop is most of what sampling costs, so it does nothing that can be done by bucket or for fewer tokens.
    for (let token = 0; token < logits.length; token++) {
      const x = ((logits[token] as number) - top) * inverseTemperature;
      if (!(x >= lowestExponent)) continue;
      const bucket = (-x * stepsPerUnit) | 0;
      const rest = x + bucket / stepsPerUnit;
      masses[bucket] = (masses[bucket] as number) + (1 + rest * (1 + rest * (0.5 + rest * (1 / 6))));
    }
    let total = 0;
    for (let bucket = 0; bucket < bucketCount; bucket++) {
      masses[bucket] = (masses[bucket] as number) * (exponentialTable[bucket] as number);
      total += masses[bucket] as number;
    }
    this.#total = total;
    if (counted) this.#count();
  }

  #count(): void {
    const logits = this.#logits;
    const top = this.#top;
    const inverseTemperature = this.#inverseTemperature;
    const counts = this.#counts.fill(0);
    for (let token = 0; token < logits.length; token++) {
      const x = ((logits[token] as number) - top) * inverseTemperature;
      if (!(x >= lowestExponent)) continue;
      const bucket = (-x * stepsPerUnit) | 0;
      counts[bucket] = (counts[bucket] as number) + 1;
    }
  }

  /** All weights together. */
  get total(): number {
    return this.#total;
  }

  /** The weights of the `count` heaviest tokens together. */
  sumOf(count: number): number {
    this.#search(count, Number.POSITIVE_INFINITY);
    return this.#sum;
  }

  /** The weights of the fewest of the heaviest tokens that have `mass` together. */
  sumReaching(mass: number): number {
    this.#search(Number.POSITIVE_INFINITY, mass);
    return this.#sum;
  }

  /** The weights of at least `floor` together. */
  sumAtLeast(floor: number): number {
    // The bucket of the floor itself, and its neighbours for the last bits of the logarithm.
    const near = Math.floor(-Math.log(floor) * stepsPerUnit);
    let sum = 0;
    for (let bucket = 0; bucket < bucketCount && bucket <= near + 1; bucket++) {
      if (bucket < near - 1) {
        sum += this.#masses[bucket] as number;
        continue;
      }
      const count = this.#list(bucket);
      for (let i = 0; i < count; i++) {
        const weight = this.#weights[i] as number;
        if (weight >= floor) sum += weight;
      }
    }
    return sum;
  }

  /** The token at `share` (from 0, below 1) of the first `sum` of the weights. */
  at(share: number, sum: number): number {
    this.#search(Number.POSITIVE_INFINITY, Math.min(share, almostOne) * sum, true);
    return this.#found;
  }

  /**
   * Ends at the first token with which there are `count` tokens, or weights of `mass` together.
   * @param past whether their weights must be more than `mass`
   */
  #search(count: number, mass: number, past = false): void {
    this.#goalCount = count;
    this.#goalMass = mass;
    this.#goalPast = past;
    this.#before = 0;
    this.#sum = 0;
    this.#found = 0;
    const bucket = this.#walk(this.#counts, this.#masses);
    if (bucket >= 0) this.#searchListed(this.#list(bucket));
  }

  #reached(count: number, sum: number): boolean {
    return count >= this.#goalCount || (this.#goalPast ? sum > this.#goalMass : sum >= this.#goalMass);
  }

  /**
   * Adds groups of tokens up to the one in which the search ends, which is the last one if none is. Their counts are
   * needed only where a count is looked for.
   * @returns its index, -1 when all are empty
   */
  #walk(counts: Int32Array, masses: Float64Array): number {
    const counted = this.#goalCount < Number.POSITIVE_INFINITY;
    let before = this.#before;
    let sum = this.#sum;
    let last = -1;
    for (let group = 0; group < masses.length; group++) {
      const mass = masses[group] as number;
      if (mass === 0) continue;
      last = group;
      this.#before = before;
      this.#sum = sum;
      if (counted) before += counts[group] as number;
      sum += mass;
      if (this.#reached(before, sum)) break;
    }
    return last;
  }

  /** Writes the tokens of a bucket and their weights to the lists, by id. @returns how many there are */
  #list(bucket: number): number {
    const logits = this.#logits;
    const top = this.#top;
    const inverseTemperature = this.#inverseTemperature;
    // A band a little wider than the bucket passes over most tokens; the bucket itself decides. Two bounds would be two
    // branches that nothing predicts.
    const width = 1 / (stepsPerUnit * inverseTemperature);
    const middle = top - (bucket + 0.5) * width;
    const reach = width / 2 + 1e-9 * (1 + Math.abs(top) + bucketCount * width);
    const { tops } = this.blocks;
    let count = 0;
    for (let block = 0; block < tops.length; block++) {
      if ((tops[block] as number) < middle - reach) continue;
      const to = Math.min((block + 1) * blockLength, logits.length);
      for (let token = block * blockLength; token < to; token++) {
        const logit = logits[token] as number;
        if (!(Math.abs(logit - middle) <= reach)) continue;
        const x = (logit - top) * inverseTemperature;
        if (!(x >= lowestExponent) || ((-x * stepsPerUnit) | 0) !== bucket) continue;
        this.#tokens[count] = token;
        this.#weights[count] = exponential(x);
        count++;
      }
    }
    return count;
  }

  /** Ends the search among the listed tokens: divides them until few are left, and sorts those. */
  #searchListed(listed: number): void {
    const weights = this.#weights;
    let length = listed;
    while (length > fewTokens) {
      const shorter = this.#divide(length);
      // Equal ones are listed by id, which is their order.
      if (shorter === length) break;
      length = shorter;
    }
    if (length <= fewTokens) this.#sort(length);
    let i = 0;
    for (; i < length; i++) {
      this.#sum += weights[i] as number;
      this.#before++;
      if (this.#reached(this.#before, this.#sum)) break;
    }
    this.#found = this.#tokens[Math.min(i, length - 1)] as number;
  }

  /**
   * Divides the first `length` listed tokens by weight, adds the parts before the one in which the search ends, and
   * keeps that one listed.
   * @returns how many tokens it has: all when they are equal
   */
  #divide(length: number): number {
    const weights = this.#weights;
    let least = weights[0] as number;
    let most = least;
    for (let i = 1; i < length; i++) {
      const weight = weights[i] as number;
      if (weight < least) least = weight;
      if (weight > most) most = weight;
    }
    if (least === most) return length;
    const scale = (parts - 1) / (most - least);
    const counts = this.#partCounts.fill(0);
    const masses = this.#partMasses.fill(0);
    for (let i = 0; i < length; i++) {
      const weight = weights[i] as number;
      const part = ((most - weight) * scale) | 0;
      counts[part] = (counts[part] as number) + 1;
      masses[part] = (masses[part] as number) + weight;
    }
    return this.#keepPart(length, most, scale, this.#walk(counts, masses));
  }

  /** Keeps the listed tokens of one part, in their order. @returns how many those are */
  #keepPart(length: number, most: number, scale: number, kept: number): number {
    const weights = this.#weights;
    let count = 0;
    for (let i = 0; i < length; i++) {
      const weight = weights[i] as number;
      if ((((most - weight) * scale) | 0) !== kept) continue;
      weights[count] = weight;
      this.#tokens[count] = this.#tokens[i] as number;
      count++;
    }
    return count;
  }

  /** Sorts the first `length` listed tokens, heaviest first; equal ones stay in the order of their ids. */
  #sort(length: number): void {
    const weights = this.#weights;
    const tokens = this.#tokens;
    for (let i = 1; i < length; i++) {
      const weight = weights[i] as number;
      const token = tokens[i] as number;
      let at = i;
      for (; at > 0 && (weights[at - 1] as number) < weight; at--) {
        weights[at] = weights[at - 1] as number;
        tokens[at] = tokens[at - 1] as number;
      }
      weights[at] = weight;
      tokens[at] = token;
    }
  }
}
