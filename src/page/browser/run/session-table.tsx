import type { VNode } from 'preact';
import { clockTime, shortNumber } from '../../model/short-text.ts';
import { visibleText } from '../../model/visible-text.ts';
import type { SessionStart } from '../api/answers.ts';

/** A run that was started again and again need not fill the page. */
const MOST_ROWS = 200;

/** When training started, as its writers noted it. The starts after the first one are restarts. */
export function SessionTable({ sessions }: { readonly sessions: readonly SessionStart[] }): VNode | null {
  if (sessions.length === 0) return null;
  return (
    <section aria-labelledby="sessions-title">
      <h2 id="sessions-title">
        Session starts <span class="muted">{sessions.length}</span>
      </h2>
      <div class="wide">
        <table class="plain-table">
          <thead>
            <tr>
              <th>At</th>
              <th class="number">Step</th>
              <th>File</th>
              <th class="number">Offset</th>
            </tr>
          </thead>
          <tbody>
            {sessions.slice(0, MOST_ROWS).map(({ file, offset, step, wall_time: at }, i) => (
              <tr key={`${file} ${offset}`}>
                <td class="nowrap">
                  {clockTime(at)} {i === 0 ? null : <span class="badge">restart</span>}
                </td>
                <td class="number">{shortNumber(step)}</td>
                <td class="mono">{visibleText(file)}</td>
                <td class="number">{shortNumber(offset)}</td>
              </tr>
            ))}
          </tbody>
        </table>
      </div>
      {sessions.length > MOST_ROWS ? <p class="muted">{sessions.length - MOST_ROWS} more</p> : null}
    </section>
  );
}
