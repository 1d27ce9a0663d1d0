/** The bytes of the event files that cannot be read. */
import { signal } from '@preact/signals';
import type { VNode } from 'preact';
import { useEffect, useState } from 'preact/hooks';
import { byteSize, shortNumber } from '../../model/short-text.ts';
import { visibleText } from '../../model/visible-text.ts';
import type { Damage } from '../api/answers.ts';
import { get, isAbort } from '../api/client.ts';
import { onChanges } from '../api/live.ts';
import { sayProblem } from '../shell/messages.tsx';
import { linkTo } from '../state/view-url.ts';

/** As many are listed. */
const MOST = 500;
/** Reading the list again costs more than a look. */
const EACH_MS = 5000;

const showsPending = signal(false);

/** All damage, without the normal ends of files that are still written. */
export function DamageList(): VNode {
  const [damage, setDamage] = useState<readonly Damage[]>();
  useEffect(() => {
    const controller = new AbortController();
    let timer: ReturnType<typeof setTimeout> | undefined;
    const ask = (): void => {
      timer = undefined;
      get<{ readonly damage: readonly Damage[] }>('/damage', {}, controller.signal).then(
        (answer) => setDamage(answer.damage),
        (error: unknown) => {
          if (!isAbort(error)) sayProblem(error);
        },
      );
    };
    ask();
    const end = onChanges(() => {
      if (timer === undefined) timer = setTimeout(ask, EACH_MS);
    });
    return () => {
      clearTimeout(timer);
      end();
      controller.abort();
    };
  }, []);
  if (damage === undefined) return <div class="note">Loading…</div>;
  const pending = damage.filter((one) => one.pending);
  const shown = showsPending.value ? damage : damage.filter((one) => !one.pending);
  return (
    <section class="damage" aria-label="Damage in the files">
      <header>
        <h2>Damage in the event files</h2>
        {pending.length === 0 ? null : (
          <label class="check">
            <input type="checkbox" checked={showsPending.value} onChange={() => (showsPending.value = !showsPending.value)} />
            <span>
              also {shortNumber(pending.length)} {pending.length === 1 ? 'end that is' : 'ends that are'} still written
            </span>
          </label>
        )}
      </header>
      {shown.length === 0 ? <p class="good">✓ Everything in the files can be read.</p> : <DamageTable damage={shown} withRun />}
    </section>
  );
}

/** A table of damage. */
export function DamageTable({ damage, withRun = false }: { readonly damage: readonly Damage[]; readonly withRun?: boolean }): VNode {
  return (
    <>
      <table class="plain-table">
        <thead>
          <tr>
            {withRun ? <th>Run</th> : null}
            <th>File</th>
            <th class="number">From byte</th>
            <th class="number">Size</th>
            <th>Why</th>
          </tr>
        </thead>
        <tbody>
          {damage.slice(0, MOST).map((one) => (
            <tr key={`${one.id} ${one.file} ${one.start}`}>
              {withRun ? (
                <td>
                  <a href={linkTo({ route: { view: 'run', run: one.id } })}>{visibleText(one.id)}</a>
                </td>
              ) : null}
              <td>{visibleText(one.file)}</td>
              <td class="number">{shortNumber(one.start)}</td>
              <td class="number">{byteSize(one.end - one.start)}</td>
              <td>
                {visibleText(one.reason.replaceAll('_', ' '))}
                {one.detail === null ? null : <span class="muted"> {visibleText(one.detail)}</span>}
              </td>
            </tr>
          ))}
        </tbody>
      </table>
      {damage.length > MOST ? <p class="muted">{`${MOST} of ${shortNumber(damage.length)}`}</p> : null}
    </>
  );
}
