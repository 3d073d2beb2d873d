/** What the API is asked, wherever it is. */
export interface Asked {
  readonly method?: 'GET' | 'POST' | 'PUT' | 'DELETE';
  /** Sent as JSON; bytes as they are. */
  readonly body?: object | Uint8Array;
  /** Ends it; the command's own signal when left out. */
  readonly signal?: AbortSignal;
}

export interface Reply {
  readonly status: number;
  readonly body: AsyncIterable<Uint8Array>;
}

export type Send = (path: string, asked: Asked, signal: AbortSignal) => Promise<Reply>;
