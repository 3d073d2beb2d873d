/**
 * Tokens in the order of their weights, heaviest first and the lowest id among equals, without sorting them: sums of
 * the first tokens of that order, and the token at a given sum. Each is O(V).
 *
 * Tokens lie in buckets, one for each step of the exponential's table, so a bucket's weights differ by 1.6 % at most. A
 * search walks the buckets' sums to the one that it ends in, and orders only the few tokens there.
 */
import { exponential, exponentialTable, lowestExponent, stepsPerUnit } from './fast-exponential.js';

const bucketCount = exponentialTable.length;
/** Of a token without weight: behind all buckets. */
const noBucket = bucketCount;
/** Tokens of a bucket that insertion sort takes no longer for than one more division into parts. */
const fewTokens = 24;
const parts = 64;
/** Keeps a sum that rounding made a little too large below the one it was drawn from. */
const almostOne = 1 - 2 ** -48;

export class HeaviestFirst {
  readonly #bucketOf: Uint16Array;
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

  constructor(vocabularySize: number) {
    this.#bucketOf = new Uint16Array(vocabularySize);
    this.#tokens = new Int32Array(vocabularySize);
    this.#weights = new Float64Array(vocabularySize);
  }

  /**
   * Takes the weights exp((logit - top) * inverseTemperature), so the largest is 1. The logits must stay as they are
   * until the last search.
   */
  weigh(logits: Float32Array, top: number, inverseTemperature: number): void {
    this.#logits = logits;
    this.#top = top;
    this.#inverseTemperature = inverseTemperature;
    const bucketOf = this.#bucketOf;
    const counts = this.#counts.fill(0);
    const masses = this.#masses.fill(0);
    let total = 0;
    for (let token = 0; token < logits.length; token++) {
      const x = ((logits[token] as number) - top) * inverseTemperature;
      if (!(x >= lowestExponent)) {
        bucketOf[token] = noBucket;
        continue;
      }
      // `exponential`, whose step is the bucket.
      const bucket = (-x * stepsPerUnit) | 0;
      const rest = x + bucket / stepsPerUnit;
      const weight = (exponentialTable[bucket] as number) * (1 + rest * (1 + rest * (0.5 + rest * (1 / 6))));
      bucketOf[token] = bucket;
      counts[bucket] = (counts[bucket] as number) + 1;
      masses[bucket] = (masses[bucket] as number) + weight;
      total += weight;
    }
    this.#total = total;
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
   * Adds groups of tokens up to the one in which the search ends, which is the last one if none is.
   * @returns its index, -1 when all are empty
   */
  #walk(counts: Int32Array, masses: Float64Array): number {
    let before = this.#before;
    let sum = this.#sum;
    let last = -1;
    for (let group = 0; group < counts.length; group++) {
      const inside = counts[group] as number;
      if (inside === 0) continue;
      last = group;
      this.#before = before;
      this.#sum = sum;
      before += inside;
      sum += masses[group] as number;
      if (this.#reached(before, sum)) break;
    }
    return last;
  }

  /** Writes the tokens of a bucket and their weights to the lists, by id. @returns how many there are */
  #list(bucket: number): number {
    const bucketOf = this.#bucketOf;
    const most = this.#counts[bucket] as number;
    let count = 0;
    for (let token = 0; count < most; token++) {
      if (bucketOf[token] !== bucket) continue;
      this.#tokens[count] = token;
      this.#weights[count] = exponential(
        ((this.#logits[token] as number) - this.#top) * this.#inverseTemperature,
      );
      count++;
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
