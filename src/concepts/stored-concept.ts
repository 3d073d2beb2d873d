/** A concept as a store has it: whole, as an entry of its index, and as one of the versions that a name had. */
import type { Concept } from './concept.js';

/** What is known of a concept without reading it: stores keep that much of every concept in memory. */
export interface ConceptEntry {
  readonly model: string;
  readonly name: string;
  readonly version: string;
  /** Of its vectors. */
  readonly bytes: number;
  readonly source: 'shipped' | 'data';
  /** Unix seconds: when this version was stored under this name. */
  readonly createdAt: number;
}

export interface StoredConcept extends Pick<ConceptEntry, 'source' | 'createdAt'> {
  readonly concept: Concept;
}

/** One of the versions that a name has had. */
export interface ConceptVersion extends Pick<ConceptEntry, 'version' | 'source' | 'createdAt'> {
  /** Counts the changes of a name from 1; 0 for what ships. */
  readonly number: number;
}

/** Versions of one name that are kept, the one that it means included. */
export const keptVersions = 20;

export const entryOf = ({ concept, source, createdAt }: StoredConcept): ConceptEntry => ({
  model: concept.model,
  name: concept.name,
  version: concept.version,
  bytes: concept.vectors.byteLength,
  source,
  createdAt,
});
