/** The thread that writes runs of a store as text, one after the other. */
import { openStore, type StoredRun, type StoreReader } from '../backends/local/index.ts';
import { type ShortSeries, storedRun, writeRunText } from '../export/index.ts';
import { serveTasks } from '../workers/index.ts';
import { type ExportedRun, type ExportRunWork, textFormatOf } from './export-run-protocol.ts';

const encoder = new TextEncoder();

serveTasks<ExportRunWork, StoredRun, Uint8Array<ArrayBuffer>, ExportedRun>(({ path, format }, link) => {
  const text = textFormatOf(format);
  let reader: StoreReader | undefined;
  return {
    prepare() {
      reader?.close();
      reader = openStore(path);
      // The snapshot begins with the first read.
      reader.roots();
    },
    async work(stored) {
      if (reader === undefined) throw new Error('a run is requested before the store is open');
      const shortages: ShortSeries[] = [];
      const run = storedRun(reader, stored, { onShort: (short) => shortages.push(short) });
      const count = await writeRunText(text, run, (chunk) => {
        const bytes = encoder.encode(chunk);
        link.send(bytes, bytes.length, [bytes.buffer]);
      });
      return { count, shortages };
    },
    close: () => reader?.close(),
  };
});
