/** Server-sent events out of a fetched body (WHATWG HTML, 9.2): what EventSource reads, with POST and headers of one's own. */
export interface ServerEvent {
  /** The `event` field; `message` where there is none. */
  readonly event: string;
  readonly data: string;
}

/** Yields each event; ends with the body. Comments, the server's sign of life, are passed over. */
export async function* serverEvents(body: ReadableStream<Uint8Array>): AsyncGenerator<ServerEvent, void> {
  const reader = body.getReader();
  const decoder = new TextDecoder();
  let rest = '';
  let event = 'message';
  let data: string[] = [];
  try {
    for (;;) {
      const { done, value } = await reader.read();
      if (done) return;
      const lines = (rest + decoder.decode(value, { stream: true })).split(/\r?\n/);
      rest = lines.pop() ?? '';
      for (const line of lines) {
        if (line === '') {
          if (data.length > 0) yield { event, data: data.join('\n') };
          event = 'message';
          data = [];
        } else if (line.startsWith('data:')) data.push(line.slice(5).replace(/^ /, ''));
        else if (line.startsWith('event:')) event = line.slice(6).trim();
      }
    }
  } finally {
    await reader.cancel().catch(() => {});
  }
}
