/** Texts of a log: as Markdown, or as they are. */
import { signal } from '@preact/signals';
import type { VNode } from 'preact';
import { shapeOf, textsOf, type ValueJson } from '../../model/media-values.ts';
import { saveFile } from '../curves/downloads.ts';
import { lazy } from '../shell/lazy.tsx';

const Markdown = lazy(() => import('./markdown.tsx').then(({ Markdown }) => Markdown));

/** True to show texts as they are. */
export const isRaw = signal(false);

/** A longer text is not parsed: an attack could make that take long. */
const MOST_MARKDOWN = 50_000;
/** A longer text is shown in part. */
const MOST_SHOWN = 200_000;
const MOST_CELLS = 1000;

/** The text of a value; of several, a table. */
export function Texts({ value }: { readonly value: ValueJson }): VNode {
  const texts = textsOf(value);
  if (texts.length === 1) return <OneText text={texts[0] ?? ''} />;
  const shape = shapeOf(value);
  const columns = shape.length >= 2 ? Math.max(1, shape.at(-1) ?? 1) : 1;
  const shown = texts.slice(0, MOST_CELLS);
  const rows = Array.from({ length: Math.ceil(shown.length / columns) }, (_, i) => shown.slice(i * columns, (i + 1) * columns));
  return (
    <>
      <table class="text-table">
        <tbody>
          {rows.map((row, i) => (
            <tr key={i}>
              {row.map((text, j) => (
                <td key={j}>
                  <OneText text={text} />
                </td>
              ))}
            </tr>
          ))}
        </tbody>
      </table>
      {texts.length > shown.length ? <p class="muted">{texts.length - shown.length} more texts</p> : null}
    </>
  );
}

function OneText({ text }: { readonly text: string }): VNode {
  const isLong = text.length > MOST_MARKDOWN;
  if (!isRaw.value && !isLong) return <Markdown text={text} />;
  return (
    <>
      <pre class="raw-text">{text.slice(0, MOST_SHOWN).toWellFormed()}</pre>
      {text.length > MOST_SHOWN ? (
        <button type="button" onClick={() => saveFile(new Blob([text], { type: 'text/plain' }), 'text.txt')}>
          Download all {text.length.toLocaleString('en')} signs
        </button>
      ) : null}
    </>
  );
}
