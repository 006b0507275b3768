/** Reads `text/event-stream` from the answer to a POST, which EventSource cannot. */

/** What the server tells while it replies. */
export type StreamEvent =
  | { event: 'stored'; item_id: string; seq: number }
  | { event: 'started'; item_id: string }
  | { event: 'delta'; text: string }
  | { event: 'done'; item_id: string; status: 'completed' | 'interrupted'; text: string }
  | { event: 'title'; title: string }
  | { event: 'error'; code: string; message: string };

export async function* readEvents(body: ReadableStream<Uint8Array>): AsyncGenerator<StreamEvent> {
  const lines = new EventLines();
  const decoder = new TextDecoder();
  const reader = body.getReader();
  try {
    for (;;) {
      const { value, done } = await reader.read();
      if (done) return;
      for (const raw of lines.push(decoder.decode(value, { stream: true }))) {
        const event = understood(raw);
        if (event) yield event;
      }
    }
  } finally {
    void reader.cancel().catch(() => undefined);
  }
}

export interface RawEvent {
  event: string;
  data: string;
}

/** Cuts text into events, wherever it was cut on its way. An event that the end cuts short is none. */
export class EventLines {
  private rest = '';
  private event = '';
  private data: string[] = [];

  push(text: string): RawEvent[] {
    const events: RawEvent[] = [];
    this.rest += text;
    // A carriage return at the end may be half of a line's end.
    for (let end: RegExpExecArray | null; (end = /\r\n|\n|\r(?!$)/.exec(this.rest)); ) {
      const line = this.rest.slice(0, end.index);
      this.rest = this.rest.slice(end.index + end[0].length);
      const event = this.line(line);
      if (event) events.push(event);
    }
    return events;
  }

  private line(line: string): RawEvent | null {
    if (line === '') {
      const event = this.data.length > 0 ? { event: this.event || 'message', data: this.data.join('\n') } : null;
      this.event = '';
      this.data = [];
      return event;
    }
    const [, field, value] = /^([^:]*)(?:: ?(.*))?$/s.exec(line) ?? [];
    if (field === 'event') this.event = value ?? '';
    if (field === 'data') this.data.push(value ?? '');
    return null;
  }
}

/** Checks an event once, here; unknown ones and junk give null. */
export function understood({ event, data }: RawEvent): StreamEvent | null {
  let fields: Record<string, unknown>;
  try {
    fields = Object(JSON.parse(data)) as Record<string, unknown>;
  } catch {
    return null;
  }
  const text = (name: string) => (typeof fields[name] === 'string' ? (fields[name] as string) : null);
  const id = text('item_id');
  switch (event) {
    case 'stored':
      return id !== null && typeof fields['seq'] === 'number' ? { event, item_id: id, seq: fields['seq'] } : null;
    case 'started':
      return id === null ? null : { event, item_id: id };
    case 'delta':
      return { event, text: text('text') ?? '' };
    case 'done': {
      const status = text('status') === 'interrupted' ? 'interrupted' : 'completed';
      return id === null ? null : { event, item_id: id, status, text: text('text') ?? '' };
    }
    case 'title': {
      const title = text('title');
      return title === null ? null : { event, title };
    }
    case 'error':
      return { event, code: text('code') ?? '', message: text('message') ?? '' };
    default:
      return null;
  }
}
