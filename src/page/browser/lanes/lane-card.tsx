/** One lane. */
import type { ComponentChildren, VNode } from 'preact';
import { useState } from 'preact/hooks';
import { ago, byteSize, duration, shortNumber } from '../../model/short-text.ts';
import { visibleText } from '../../model/visible-text.ts';
import type { Lane } from '../api/answers.ts';
import { get, post } from '../api/client.ts';
import { lanesNow } from '../api/live.ts';
import { nowMs } from '../shell/live-note.tsx';
import { say, sayProblem } from '../shell/messages.tsx';
import { DifferenceList, type Verification, VerifiedNote } from './verification.tsx';

/** What each state means. */
const STATES: Readonly<Record<string, { readonly words: string; readonly look: 'good' | 'warn' | 'bad' | 'calm' }>> = {
  active: { words: 'active', look: 'good' },
  waiting: { words: 'waiting to try again', look: 'warn' },
  parked: { words: 'stopped', look: 'bad' },
  paused: { words: 'paused', look: 'calm' },
  idle: { words: 'not running', look: 'calm' },
};

interface Props {
  readonly lane: Lane;
  readonly verification: Verification | undefined;
}

/** A lane: its state, what is left to do, what is wrong, what can be done. */
export function LaneCard({ lane, verification }: Props): VNode {
  const { words, look } = STATES[lane.state] ?? { words: lane.state, look: 'calm' as const };
  const name = visibleText(lane.name, 60);
  return (
    <article class="lane" aria-label={`Lane ${name}`}>
      <header>
        <h2>{name}</h2>
        <span class={`state ${look}`}>{words}</span>
        <span class="space" />
        <LaneButtons lane={lane} />
      </header>
      <p class="where muted" title={visibleText(lane.where)}>
        {visibleText(lane.where, 200)}
      </p>
      {lane.reason === null ? null : <Trouble lane={lane} />}
      <dl class="fact-list">
        <Fact name="Behind">{behind(lane)}</Fact>
        <Fact name="Speed">{lane.points_per_second === null ? '–' : `${shortNumber(lane.points_per_second)} points/s`}</Fact>
        <Fact name="Caught up in">{lane.catch_up_seconds === null ? '–' : duration(lane.catch_up_seconds)}</Fact>
        {lane.requests === null ? null : <Fact name="Requests">{requests(lane)}</Fact>}
        {lane.points === null ? null : <Fact name="Accepted">{`${shortNumber(lane.points)} points`}</Fact>}
        <Fact name="Refused">
          {lane.refused === 0 ? '0' : <span class="bad">{shortNumber(lane.refused)} points are in quarantine</span>}
        </Fact>
        <Fact name="Cannot hold">{lane.unsupported === 0 ? '0' : `${shortNumber(lane.unsupported)} points`}</Fact>
        {lane.next_try_at === null ? null : <Fact name="Next try">{ago(Date.parse(lane.next_try_at), nowMs.value)}</Fact>}
        <Fact name="Verified">
          <VerifiedNote at={lane.verified_at} differences={lane.verify_differences} />
        </Fact>
        <Fact name="Last heard">
          {lane.written_at === null ? 'never' : ago(Date.parse(lane.written_at), nowMs.value)}
          {lane.written_by === null ? '' : ` from ${visibleText(lane.written_by, 40)}`}
        </Fact>
      </dl>
      <Paused lane={lane} />
      <Stopped runs={lane.stopped_runs} />
      {verification === undefined ? null : <DifferenceList verification={verification} />}
    </article>
  );
}

function Fact({ name, children }: { readonly name: string; readonly children: ComponentChildren }): VNode {
  return (
    <div>
      <dt>{name}</dt>
      <dd>{children}</dd>
    </div>
  );
}

function behind({ lag_bytes: bytes, lag_since: since }: Lane): ComponentChildren {
  if (bytes === null) return '–';
  if (bytes === 0) return <span class="good">nothing</span>;
  return `${byteSize(bytes)}${since === null ? '' : `, oldest ${ago(Date.parse(since), nowMs.value)}`}`;
}

function requests({ requests: all, requests_failed: failed, requests_per_second: rate }: Lane): ComponentChildren {
  return (
    <>
      {shortNumber(all ?? 0)}
      {rate === null || rate === 0 ? '' : `, ${shortNumber(rate)}/s`}
      {failed === null || failed === 0 ? null : <span class="bad">, {shortNumber(failed)} failed</span>}
    </>
  );
}

function Trouble({ lane: { code, reason, remedy } }: { readonly lane: Lane }): VNode {
  return (
    <div class="trouble" role="status">
      <p>
        {code === null ? null : <strong>{visibleText(code)} </strong>}
        {visibleText(reason ?? '')}
      </p>
      {remedy === null ? null : <p class="remedy">What to do: {visibleText(remedy)}</p>}
    </div>
  );
}

function Paused({ lane: { paused } }: { readonly lane: Lane }): VNode | null {
  if (paused === null || paused.length === 0) return null;
  return (
    <ul class="lane-list">
      {paused.map(({ root, since }) => (
        <li key={root ?? ''}>
          {root === null ? 'All roots' : `Root ${visibleText(root)}`} paused {ago(Date.parse(since), nowMs.value)}
        </li>
      ))}
    </ul>
  );
}

/** As many are listed. */
const MOST_STOPPED = 50;

function Stopped({ runs }: { readonly runs: readonly unknown[] }): VNode | null {
  if (runs.length === 0) return null;
  const field = (run: unknown, name: string): string => {
    const value = typeof run === 'object' && run !== null ? Reflect.get(run, name) : undefined;
    return typeof value === 'string' ? value : '';
  };
  return (
    <details class="differences" open={runs.length <= 3}>
      <summary class="bad">
        {runs.length} {runs.length === 1 ? 'run that the tracker accepts no more' : 'runs that the tracker accepts no more'}
      </summary>
      <ul class="lane-list">
        {runs.slice(0, MOST_STOPPED).map((run) => (
          <li key={`${field(run, 'root')}/${field(run, 'run')}`}>
            <strong>{visibleText([field(run, 'root'), field(run, 'run')].filter((part) => part !== '').join('/'))}</strong>{' '}
            {visibleText(field(run, 'reason'))} <span class="muted">{visibleText(field(run, 'remedy'))}</span>
          </li>
        ))}
      </ul>
    </details>
  );
}

/** What may be done with a lane. Each needs the token. */
function LaneButtons({ lane }: { readonly lane: Lane }): VNode {
  const [isBusy, setBusy] = useState(false);
  const act = (action: 'pause' | 'resume' | 'retry', done: string): void => {
    setBusy(true);
    change(lane.name, action)
      .then(() => say(`${visibleText(lane.name, 60)}: ${done}`), sayProblem)
      .finally(() => setBusy(false));
  };
  return (
    <>
      {lane.state === 'waiting' || lane.state === 'parked' || lane.refused > 0 || lane.stopped_runs.length > 0 ? (
        <button type="button" disabled={isBusy} onClick={() => act('retry', 'retries now')}>
          Retry
        </button>
      ) : null}
      {lane.state === 'paused' ? (
        <button type="button" disabled={isBusy} onClick={() => act('resume', 'goes on')}>
          Resume
        </button>
      ) : (
        <button type="button" disabled={isBusy} onClick={() => act('pause', 'paused')}>
          Pause
        </button>
      )}
    </>
  );
}

async function change(name: string, action: string): Promise<void> {
  await post(`/lanes/${encodeURIComponent(name)}/${action}`, {});
  lanesNow.value = (await get<{ readonly lanes: readonly Lane[] }>('/lanes')).lanes;
}
