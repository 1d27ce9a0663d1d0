/** The last word of `verify` about a lane. */
import type { VNode } from 'preact';
import { useEffect, useState } from 'preact/hooks';
import { ago, shortNumber } from '../../model/short-text.ts';
import { visibleText } from '../../model/visible-text.ts';
import { get, isAbort } from '../api/client.ts';
import { nowMs } from '../shell/live-note.tsx';
import { sayProblem } from '../shell/messages.tsx';
import { linkTo } from '../state/view-url.ts';

/** An answer of `/verifications`. */
export interface Verification {
  readonly lane: string;
  readonly where: string;
  readonly at: string;
  readonly differences: number;
  /** The number of differences that the server keeps, and of the others. */
  readonly kept: number;
  readonly left_out: number;
}

/** A line of the report of `verify`, see docs/verify.md. */
type Difference = Readonly<Record<string, unknown>>;

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

/** Lists what differed, once the user opens the list. */
export function DifferenceList({ verification }: { readonly verification: Verification }): VNode | null {
  const [isOpen, setOpen] = useState(false);
  const { lane, where, at, differences, kept } = verification;
  if (differences === 0 || kept === 0) return null;
  return (
    <details class="differences" open={isOpen} onToggle={(event) => setOpen(event.currentTarget.open)}>
      <summary>What differs</summary>
      {isOpen ? <Lines key={`${lane} ${where} ${at}`} verification={verification} /> : null}
    </details>
  );
}

function Lines({ verification: { lane, differences } }: { readonly verification: Verification }): VNode {
  const [lines, setLines] = useState<readonly Difference[]>();
  useEffect(() => {
    const controller = new AbortController();
    get<{ readonly differences: readonly Difference[] }>('/differences', { lane, limit: MOST }, controller.signal).then(
      (answer) => setLines(answer.differences),
      (error: unknown) => {
        if (!isAbort(error)) sayProblem(error);
      },
    );
    return () => controller.abort();
  }, [lane]);
  if (lines === undefined) return <p class="muted">Loading…</p>;
  return (
    <>
      <table class="plain-table">
        <thead>
          <tr>
            <th>Run</th>
            <th>What</th>
            <th class="number">Step</th>
            <th>In the files</th>
            <th>In the lane</th>
            <th>Place</th>
          </tr>
        </thead>
        <tbody>
          {lines.map((line, i) => (
            <Line key={i} line={line} />
          ))}
        </tbody>
      </table>
      {differences > lines.length ? (
        <p class="muted">
          {`The first ${shortNumber(lines.length)} of ${shortNumber(differences)}: `}
          <code>mirrorboard verify --report FILE</code> writes all.
        </p>
      ) : null}
    </>
  );
}

function Line({ line }: { readonly line: Difference }): VNode {
  const id = line['run'] === '.' ? text(line['root']) : `${text(line['root'])}/${text(line['run'])}`;
  const what = ['kind', 'tag', 'field', 'what', 'name', 'path'].map((field) => text(line[field])).filter((one) => one !== '');
  const place = line['file'] === null || line['file'] === undefined ? '' : `${text(line['file'])}, byte ${text(line['offset'])}`;
  return (
    <tr>
      <td>
        <a href={linkTo({ route: { view: 'run', run: id } })}>{visibleText(id)}</a>
      </td>
      <td>{visibleText(what.join(' '))}</td>
      <td class="number">{visibleText(text(line['step']))}</td>
      <td>{visibleText(text(line['mine']))}</td>
      <td>{visibleText(text(line['theirs']))}</td>
      <td>{visibleText(place)}</td>
    </tr>
  );
}

function text(value: unknown): string {
  if (value === null || value === undefined) return '';
  return typeof value === 'string' ? value : (JSON.stringify(value) ?? '');
}
