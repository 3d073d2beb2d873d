/**
 * Responses that were answered, so that a next request may refer to them instead of sending the conversation again. They
 * are in memory, and bounded: the oldest give way. Each owner, an API key or nobody, finds its own only.
 */
import type { OutputItem, ResponseObject, WholeItem } from '../schemas/responses.js';

/** Items of a conversation: what came in and what went out. */
export type ConversationItem = WholeItem | OutputItem;

export interface StoredResponse {
  readonly response: ResponseObject;
  /** All that came before the answer, earlier responses' items included; without instructions. */
  readonly conversation: readonly ConversationItem[];
}

/** The responses of one owner. */
export interface OwnResponses {
  /** Whether anything is kept at all. */
  readonly keeps: boolean;
  get(id: string): StoredResponse | undefined;
  /** An item of a response, or of what it was asked. */
  item(id: string): ConversationItem | undefined;
  put(stored: StoredResponse): void;
  /** @returns whether there was one */
  delete(id: string): boolean;
}

interface Entry extends StoredResponse {
  readonly owner: string;
  readonly characters: number;
}

/** Characters of all that is kept. A conversation counts whole with each of its responses. */
const usualCharacters = 64 * 1024 * 1024;
const usualCount = 1000;

export class ResponseStore {
  /** By owner and id, the one used last at the end. */
  readonly #entries = new Map<string, Entry>();
  /** Of each item, by owner and id, the responses that have it: its own, and those that went on from it. */
  readonly #items = new Map<string, Set<string>>();
  #characters = 0;

  /** @param mostResponses that are kept; 0 for none */
  constructor(
    readonly mostResponses = usualCount,
    readonly mostCharacters = usualCharacters,
  ) {}

  of(owner: string): OwnResponses {
    const keyOf = (id: string) => `${owner}\n${id}`;
    return {
      keeps: this.mostResponses > 0,
      get: (id) => this.#used(keyOf(id)),
      item: (id) => {
        const [key = ''] = this.#items.get(keyOf(id)) ?? [];
        const entry = this.#used(key);
        return entry && itemsOf(entry).find((item) => idOf(item) === id);
      },
      put: (stored) => this.#put(keyOf(stored.response.id), owner, stored),
      delete: (id) => this.#remove(keyOf(id)),
    };
  }

  #used(key: string): Entry | undefined {
    const entry = this.#entries.get(key);
    if (entry === undefined) return undefined;
    this.#entries.delete(key);
    this.#entries.set(key, entry);
    return entry;
  }

  #put(key: string, owner: string, { response, conversation }: StoredResponse): void {
    const characters = JSON.stringify(response).length + JSON.stringify(conversation).length;
    if (this.mostResponses === 0 || characters > this.mostCharacters) return;
    const entry: Entry = { response, conversation, owner, characters };
    this.#entries.set(key, entry);
    this.#characters += characters;
    for (const item of itemsOf(entry)) {
      const id = idOf(item);
      if (id === undefined) continue;
      const having = this.#items.get(`${owner}\n${id}`);
      if (having !== undefined) having.add(key);
      else this.#items.set(`${owner}\n${id}`, new Set([key]));
    }
    for (const oldest of this.#entries.keys()) {
      if (this.#entries.size <= this.mostResponses && this.#characters <= this.mostCharacters) break;
      this.#remove(oldest);
    }
  }

  #remove(key: string): boolean {
    const entry = this.#entries.get(key);
    if (entry === undefined) return false;
    this.#entries.delete(key);
    this.#characters -= entry.characters;
    for (const item of itemsOf(entry)) {
      const id = `${entry.owner}\n${idOf(item)}`;
      const having = this.#items.get(id);
      having?.delete(key);
      if (having?.size === 0) this.#items.delete(id);
    }
    return true;
  }
}

const itemsOf = ({ response, conversation }: StoredResponse): readonly ConversationItem[] => [
  ...conversation,
  ...response.output,
];

const idOf = (item: ConversationItem): string | undefined =>
  'id' in item && typeof item.id === 'string' ? item.id : undefined;
