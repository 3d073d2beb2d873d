/**
 * Responses that were answered, so that a next request may refer to them instead of sending the conversation again. Each owner, an API
 * key or nobody, finds its own only. A server alone has them in memory, bounded: those used longest ago give way.
 */
import type { Awaitable } from '../jobs/jobs.js';
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
  /** @throws SteerdError database_unavailable, as all below but `put` */
  get(id: string): Awaitable<StoredResponse | undefined>;
  /** Items of responses, or of what those were asked, by their ids; what nobody has is missing. */
  items(ids: readonly string[]): Awaitable<ReadonlyMap<string, ConversationItem>>;
  /** @returns whether it is kept: what is too large is not, and what cannot be written just now. The answer counts either way. */
  put(stored: StoredResponse): Awaitable<boolean>;
  /** @returns whether there was one */
  delete(id: string): Awaitable<boolean>;
}

/** The responses of all owners. */
export interface ResponseKeeping {
  /** @param owner id of an API key; empty for whoever has none */
  of(owner: string): OwnResponses;
}

interface Entry extends StoredResponse {
  readonly owner: string;
  readonly characters: number;
}

/** Characters of all that is kept. A conversation counts whole with each of its responses. */
export const usualCharacters = 64 * 1024 * 1024;
const usualCount = 1000;

export class ResponseStore implements ResponseKeeping {
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
      items: (ids) => new Map(ids.flatMap((id) => this.#item(keyOf(id), id))),
      put: (stored) => this.#put(keyOf(stored.response.id), owner, stored),
      delete: (id) => this.#remove(keyOf(id)),
    };
  }

  /** With its id, where there is one. */
  #item(key: string, id: string): [string, ConversationItem][] {
    const [having = ''] = this.#items.get(key) ?? [];
    const entry = this.#used(having);
    const item = entry && itemsOf(entry).find((one) => idOf(one) === id);
    return item === undefined ? [] : [[id, item]];
  }

  #used(key: string): Entry | undefined {
    const entry = this.#entries.get(key);
    if (entry === undefined) return undefined;
    this.#entries.delete(key);
    this.#entries.set(key, entry);
    return entry;
  }

  #put(key: string, owner: string, { response, conversation }: StoredResponse): boolean {
    const characters = JSON.stringify(response).length + JSON.stringify(conversation).length;
    if (this.mostResponses === 0 || characters > this.mostCharacters) return false;
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
    return true;
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

/** All of a conversation, the answer last. */
export const itemsOf = ({ response, conversation }: StoredResponse): readonly ConversationItem[] => [
  ...conversation,
  ...response.output,
];

export const idOf = (item: ConversationItem): string | undefined =>
  'id' in item && typeof item.id === 'string' ? item.id : undefined;
