import type { VNode } from 'preact';
import { begunAt } from '../../model/event-file-name.ts';
import { byteSize, clockTime, shortNumber } from '../../model/short-text.ts';
import { visibleText } from '../../model/visible-text.ts';
import type { EventFile } from '../api/answers.ts';

/** The event files of a run. A writer that starts again begins a new one. */
export function FileTable({ files }: { readonly files: readonly EventFile[] }): VNode {
  return (
    <section aria-labelledby="files-title">
      <h2 id="files-title">
        Event files <span class="muted">{files.length}</span>
      </h2>
      {files.length < 2 ? null : <p class="muted">A writer that starts again, or whose file became large, begins a new file.</p>}
      <div class="wide">
        <table class="plain-table">
          <thead>
            <tr>
              <th>Begun</th>
              <th>File</th>
              <th class="number">Records</th>
              <th class="number">Size</th>
              <th class="number">Read</th>
              <th class="number">Replaced</th>
            </tr>
          </thead>
          <tbody>
            {files.map(({ name, bytes, good_bytes: read, records, generation }) => (
              <tr key={`${name} ${generation}`}>
                <td class="nowrap">{clockTime(begunAt(name) ?? null)}</td>
                <td class="mono">{visibleText(name)}</td>
                <td class="number">{shortNumber(records)}</td>
                <td class="number">{byteSize(bytes)}</td>
                <td class="number">{read >= bytes ? 'all' : byteSize(read)}</td>
                <td class="number">{generation === 0 ? '' : `${generation}×`}</td>
              </tr>
            ))}
          </tbody>
        </table>
      </div>
    </section>
  );
}
