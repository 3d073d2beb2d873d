/** The models and the concepts of the chosen model, shared by all views. */
import { computed, signal } from '@preact/signals';
import type { ConceptList } from '../../schemas/concepts.js';
import type { ModelObject } from '../../schemas/models.js';
import { get } from '../api/client.js';

export type ConceptSummary = ConceptList['data'][number];

export const models = signal<readonly ModelObject[]>([]);
/** Every concept of every model. */
export const allConcepts = signal<readonly ConceptSummary[]>([]);
/** Whether the first lists are there; an error says why not. */
export const libraryState = signal<'loading' | 'ready' | { readonly error: unknown }>('loading');

const chosen = signal<string | null>(null);

/** The model that views work with; null until the list is there. */
export const model = computed<ModelObject | null>(
  () => models.value.find(({ id }) => id === chosen.value) ?? models.value[0] ?? null,
);

/** Those of the chosen model, by name. */
export const concepts = computed(() => allConcepts.value.filter((one) => one.model === model.value?.id));

export const conceptNamed = (name: string): ConceptSummary | undefined =>
  concepts.value.find((one) => one.name === name);

export function chooseModel(id: string): void {
  chosen.value = id;
}

export async function refreshModels(): Promise<void> {
  models.value = (await get<{ data: ModelObject[] }>('v1/models')).data;
}

export async function refreshConcepts(): Promise<void> {
  const found: ConceptSummary[] = [];
  let after: string | null = null;
  do {
    const query: string = after === null ? '' : `&after=${encodeURIComponent(after)}`;
    const page: ConceptList = await get<ConceptList>(`v1/concepts?limit=1000${query}`);
    found.push(...page.data);
    after = page.next;
  } while (after !== null);
  allConcepts.value = found;
}

/** Reads both lists; what fails is told in `libraryState`. */
export async function loadLibrary(): Promise<void> {
  try {
    await Promise.all([refreshModels(), refreshConcepts()]);
    libraryState.value = 'ready';
  } catch (error) {
    libraryState.value = { error };
  }
}
