/** Reads a whole stream of server-sent events as a client would. */

/** The `data:` of each event, parsed; `[DONE]` as it is. */
export function events(body: string): unknown[] {
  const blocks = body.split('\n\n');
  if (blocks.pop() !== '') throw new Error('the last event is not complete');
  return blocks.map((block): unknown => {
    if (!block.startsWith('data: ')) throw new Error(`not an event: ${block}`);
    const data = block.slice('data: '.length);
    return data === '[DONE]' ? data : JSON.parse(data);
  });
}
