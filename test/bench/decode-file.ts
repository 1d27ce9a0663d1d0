import { closeSync } from 'node:fs';
import { basename, dirname } from 'node:path';
import { FileDecoder, scanWindow, TagTable } from '../../src/decode/index.ts';
import { Catalogue } from '../../src/model/index.ts';
import { FileWindow, openFile, readAt } from '../../src/tail/index.ts';

/**
 * Decodes one event file, both checksums verified, into columns that are thrown away; `records` counts every sound
 * record.
 */
export function decodeFile(path: string): { readonly records: number } {
  const file = openFile({ root: dirname(path), path: '', links: 'all' }, basename(path));
  try {
    const window = new FileWindow(readAt, scanWindow());
    window.reset(file.fd);
    const decoder = new FileDecoder({
      run: { root: 'bench', path: '.' },
      file: path,
      generation: 0,
      catalogue: new Catalogue(),
      tags: new TagTable(),
      start: 0,
      settled: true,
    });
    for (let needed = 1; ; ) {
      window.provide(decoder.wants, needed, file.size);
      const step = decoder.advance(window, file.size);
      if (step.kind === 'end') return { records: decoder.records };
      if (step.kind === 'batch') decoder.take();
      needed = step.kind === 'more' ? step.needed : 1;
    }
  } finally {
    closeSync(file.fd);
  }
}
