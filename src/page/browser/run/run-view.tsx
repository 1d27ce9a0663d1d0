/** The view of one run. */
import type { VNode } from 'preact';
import { useEffect, useState } from 'preact/hooks';
import { runColour } from '../../model/run-colour.ts';
import { asNumber, byteSize, clockTime, duration, shortNumber } from '../../model/short-text.ts';
import { visibleText } from '../../model/visible-text.ts';
import type { RunDetails } from '../api/answers.ts';
import { ApiProblem, get, isAbort } from '../api/client.ts';
import { onChanges } from '../api/live.ts';
import { DamageTable } from '../lanes/damage-list.tsx';
import { LaneBadges } from '../runs/lane-badges.tsx';
import { say, sayProblem } from '../shell/messages.tsx';
import { useShortcuts } from '../state/keys.ts';
import { route, selectedRuns, selectedSet, selectRuns, theme } from '../state/view.ts';
import { linkTo } from '../state/view-url.ts';
import { FileTable } from './file-table.tsx';
import { ParamTable } from './param-table.tsx';
import { SessionTable } from './session-table.tsx';
import { TagTable } from './tag-table.tsx';

/** A run that is written changes with each point. */
const AGAIN_MS = 1000;

/** Everything about a run. */
export function RunView(): VNode {
  const id = route.value.view === 'run' ? route.value.run : '';
  const [loaded, setLoaded] = useState<RunDetails>();
  const [problem, setProblem] = useState<ApiProblem>();
  useEffect(() => {
    const controller = new AbortController();
    let timer: ReturnType<typeof setTimeout> | undefined;
    const ask = (): void => {
      timer = undefined;
      get<RunDetails>('/run', { run: id }, controller.signal).then(
        (answer) => {
          setProblem(undefined);
          setLoaded(answer);
        },
        (error: unknown) => {
          if (isAbort(error)) return;
          if (error instanceof ApiProblem) setProblem(error);
          else sayProblem(error);
        },
      );
    };
    ask();
    const end = onChanges(({ all, runs }) => {
      if (timer === undefined && (all || runs.some((run) => run.id === id))) timer = setTimeout(ask, AGAIN_MS);
    });
    return () => {
      clearTimeout(timer);
      end();
      controller.abort();
    };
  }, [id]);
  useShortcuts([
    { keys: 'x', does: 'choose the run, or not', run: () => toggle(id) },
    { keys: 'u Escape', does: 'back to all runs', run: () => (route.value = { view: 'runs' }) },
  ]);
  if (problem !== undefined) {
    return (
      <div class="note bad" role="alert">
        {problem.message} <a href={linkTo({ route: { view: 'runs' } })}>All runs</a>
      </div>
    );
  }
  if (loaded?.run.id !== id) return <div class="note">Loading…</div>;
  const details = loaded;
  const damage = details.damage.filter(({ pending }) => !pending);
  return (
    <div class="run-view">
      <Head details={details} />
      <Facts details={details} />
      {damage.length === 0 ? null : (
        <section aria-labelledby="damage-title">
          <h2 id="damage-title" class="bad">
            Damage
          </h2>
          <DamageTable damage={damage} />
        </section>
      )}
      <ParamTable params={details.hparams} />
      <TagTable run={details.run} series={details.series} />
      <SessionTable sessions={details.sessions} />
      <FileTable files={details.files} />
    </div>
  );
}

function toggle(id: string): void {
  selectRuns(selectedSet.peek().has(id) ? selectedRuns.peek().filter((one) => one !== id) : [...selectedRuns.peek(), id]);
}

function Head({ details: { run } }: { readonly details: RunDetails }): VNode {
  const isChosen = selectedSet.value.has(run.id);
  return (
    <header class="run-title">
      <span class="colour" style={{ background: runColour(run.id, theme.value) }} />
      <h1>{visibleText(run.id)}</h1>
      <LaneBadges lanes={run.lanes ?? []} />
      <span class="space" />
      <button type="button" aria-pressed={isChosen} onClick={() => toggle(run.id)}>
        {isChosen ? 'Chosen ✓' : 'Choose'}
      </button>
      <button type="button" onClick={() => copy(run.id)}>
        Copy name
      </button>
      <a class="button main" href={linkTo({ route: { view: 'curves' }, picked: { kind: 'list', runs: [run.id] } })}>
        Curves
      </a>
    </header>
  );
}

function copy(text: string): void {
  // Only pages of this machine or with TLS have a clipboard.
  const written = navigator.clipboard?.writeText(text) ?? Promise.reject(new Error('The browser allows no copying from this page.'));
  written.then(() => say('Copied'), sayProblem);
}

function Facts({ details: { run, series } }: { readonly details: RunDetails }): VNode {
  const { first_wall_time: first, last_wall_time: last } = run;
  const seconds = first === null || last === null ? Number.NaN : asNumber(last) - asNumber(first);
  const facts: readonly (readonly [name: string, text: string])[] = [
    ['Points', shortNumber(run.points)],
    ['Tags', shortNumber(series.length)],
    ['Last step', shortNumber(run.last_step)],
    ['Started', clockTime(first)],
    ['Last point', clockTime(last)],
    ['Took', Number.isFinite(seconds) ? duration(Math.max(0, seconds)) : ''],
    ['Size', byteSize(run.bytes)],
  ];
  return (
    <dl class="fact-list">
      {facts.map(([name, text]) => (
        <div key={name}>
          <dt>{name}</dt>
          <dd>{text === '' ? '–' : text}</dd>
        </div>
      ))}
    </dl>
  );
}
