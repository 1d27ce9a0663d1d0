/** Reads server-sent events from the body of an answer. The browser's own EventSource can send no token. */

/** An event of the server. */
export interface ServerEvent {
  readonly name: string;
  readonly id: string;
  readonly data: string;
}

/** Yields the events of a body until it ends. */
export async function* eventsOf(body: ReadableStream<Uint8Array>): AsyncGenerator<ServerEvent> {
  const reader = body.getReader();
  const decoder = new TextDecoder();
  let text = '';
  let event = { name: '', id: '', data: '' };
  try {
    for (;;) {
      const { done, value } = await reader.read();
      if (done) return;
      text += decoder.decode(value, { stream: true });
      for (let end = text.indexOf('\n'); end >= 0; end = text.indexOf('\n')) {
        const line = text.slice(0, end).replace(/\r$/, '');
        text = text.slice(end + 1);
        if (line === '') {
          if (event.data !== '') yield { ...event, name: event.name === '' ? 'message' : event.name };
          event = { name: '', id: event.id, data: '' };
          continue;
        }
        const [, field, rest = ''] = /^([^:]*)(?:: ?(.*))?$/s.exec(line) ?? [];
        if (field === 'event') event.name = rest;
        else if (field === 'id') event.id = rest;
        else if (field === 'data') event.data += event.data === '' ? rest : `\n${rest}`;
      }
    }
  } finally {
    await reader.cancel().catch(() => undefined);
  }
}
