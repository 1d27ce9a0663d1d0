/** The last word of `verify` about a lane. */
import type { VNode } from 'preact';
import { ago, shortNumber } from '../../model/short-text.ts';
import { visibleText } from '../../model/visible-text.ts';
import { nowMs } from '../shell/live-note.tsx';

/** An answer of `/verifications`. */
export interface Verification {
  readonly lane: string;
  readonly where: string;
  readonly at: string;
  readonly differences: number;
  /** What differs, if the server keeps it: at most a part. */
  readonly lines?: readonly Difference[];
}

/** A line of the report of `verify`. */
export interface Difference {
  readonly run?: string | null;
  readonly tag?: string | null;
  readonly kind?: string;
  readonly step?: number | string | null;
  readonly file?: string | null;
  readonly offset?: number | null;
  readonly text?: string | null;
}

/** As many are listed. */
const MOST = 200;

/** Says when a lane was last compared with the files, and what differed. */
export function VerifiedNote({ at, differences }: { readonly at: string | null; readonly differences: number | null }): VNode {
  if (at === null) return <span class="muted">never</span>;
  const when = ago(Date.parse(at), nowMs.value);
  return differences === 0 ? (
    <span class="good">✓ same as the files, {when}</span>
  ) : (
    <span class="bad">
      ≠ {shortNumber(differences)} {differences === 1 ? 'difference' : 'differences'}, {when}
    </span>
  );
}

/** Lists what differed, if the server keeps it. */
export function DifferenceList({ lines }: { readonly lines: readonly Difference[] }): VNode | null {
  if (lines.length === 0) return null;
  return (
    <details class="differences">
      <summary>What differs</summary>
      <table class="plain-table">
        <thead>
          <tr>
            <th>Run</th>
            <th>Tag</th>
            <th>Kind</th>
            <th>Step</th>
            <th>File</th>
          </tr>
        </thead>
        <tbody>
          {lines.slice(0, MOST).map((line, i) => (
            <tr key={i}>
              <td>{visibleText(line.run ?? '')}</td>
              <td>{visibleText(line.tag ?? '')}</td>
              <td>{visibleText(line.kind ?? line.text ?? '')}</td>
              <td class="number">{line.step ?? ''}</td>
              <td>{line.file === null || line.file === undefined ? '' : `${visibleText(line.file)}:${line.offset ?? ''}`}</td>
            </tr>
          ))}
        </tbody>
      </table>
      {lines.length > MOST ? <p class="muted">{`${MOST} of ${shortNumber(lines.length)}`}</p> : null}
    </details>
  );
}
