import type { LayoutForm } from './stored-forms.ts';
import { addBytes, addInt, addMessage, message, type Writer } from './wire.ts';

/** Returns the Layout message of a layout of custom scalars: the store has its content, but not its bytes. */
export function layoutMessage({ version = 0, category: categories = [] }: LayoutForm): Uint8Array {
  const layout = message();
  if (version !== 0) addInt(layout, 1, version);
  for (const { title, chart: charts = [], closed = false } of categories) {
    addMessage(layout, 2, (category) => {
      addText(category, 1, title);
      for (const chart of charts) addMessage(category, 2, (writer) => addChart(writer, chart));
      if (closed) addInt(category, 3, 1);
    });
  }
  return layout.finish();
}

type ChartForm = NonNullable<NonNullable<LayoutForm['category']>[number]['chart']>[number];

function addChart(writer: Writer, { title, multiline, margin }: ChartForm): void {
  addText(writer, 1, title);
  if (multiline !== undefined) {
    addMessage(writer, 2, (content) => {
      for (const tag of multiline.tag ?? []) addBytes(content, 1, tag);
    });
  }
  if (margin === undefined) return;
  addMessage(writer, 3, (content) => {
    for (const { value, lower, upper } of margin.series ?? []) {
      addMessage(content, 1, (series) => {
        addText(series, 1, value);
        addText(series, 2, lower);
        addText(series, 3, upper);
      });
    }
  });
}

function addText(writer: Writer, field: number, text = ''): void {
  if (text !== '') addBytes(writer, field, text);
}
