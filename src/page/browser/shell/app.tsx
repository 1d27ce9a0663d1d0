/** The frame of the page: its parts, what the server says, colours, help. */
import { computed, signal, useSignalEffect } from '@preact/signals';
import type { ComponentType, VNode } from 'preact';
import { useErrorBoundary, useState } from 'preact/hooks';
import type { Route } from '../../model/view-url.ts';
import { RunPanel } from '../runs/run-panel.tsx';
import { RunsView } from '../runs/runs-view.tsx';
import { useShortcuts } from '../state/keys.ts';
import { route, theme } from '../state/view.ts';
import { linkTo } from '../state/view-url.ts';
import { Help, isHelpOpen } from './help.tsx';
import { lazy } from './lazy.tsx';
import { LiveNote } from './live-note.tsx';
import { Messages } from './messages.tsx';
import { ThemeMenu } from './theme-menu.tsx';
import { TokenDialog } from './token-dialog.tsx';

const CurvesView = lazy(() => import('../curves/index.tsx').then(({ CurvesView }) => CurvesView));
const LanesView = lazy(() => import('../lanes/lanes-view.tsx').then(({ LanesView }) => LanesView));
const RunView = lazy(() => import('../run/run-view.tsx').then(({ RunView }) => RunView));

const PARTS: readonly { readonly view: 'runs' | 'curves' | 'lanes'; readonly name: string; readonly key: string }[] = [
  { view: 'runs', name: 'Runs', key: '1' },
  { view: 'curves', name: 'Curves', key: '2' },
  { view: 'lanes', name: 'Lanes', key: '3' },
];

const VIEWS: Readonly<Record<Route['view'], ComponentType>> = {
  runs: RunsView,
  curves: CurvesView,
  lanes: LanesView,
  run: RunView,
};

const viewName = computed(() => route.value.view);
const failure = signal<string | null>(null);

/** The whole page. */
export function App(): VNode {
  useSignalEffect(() => {
    document.documentElement.dataset['theme'] = theme.value;
  });
  useSignalEffect(() => {
    const name = route.value.view === 'run' ? route.value.run : PARTS.find(({ view }) => view === route.value.view)?.name;
    document.title = `${name} · mirrorboard`;
  });
  useShortcuts([
    ...PARTS.map(({ view, name, key }) => ({ keys: key, does: `show ${name}`, run: () => (route.value = { view }) })),
    { keys: '?', does: 'show this list', run: openHelp },
  ]);
  const view = viewName.value;
  return (
    <>
      <header class="top">
        <button type="button" class="skip" onClick={skipToMain}>
          Skip to the content
        </button>
        <span class="brand">mirrorboard</span>
        <nav aria-label="Views">
          {PARTS.map((part) => (
            <a key={part.view} href={linkTo({ route: { view: part.view } })} aria-current={part.view === view ? 'page' : undefined}>
              {part.name}
            </a>
          ))}
        </nav>
        <span class="space" />
        <LiveNote />
        <ThemeMenu />
        <button type="button" class="plain" title="Keyboard shortcuts (?)" aria-label="Keyboard shortcuts" onClick={openHelp}>
          ?
        </button>
      </header>
      <div class="body">
        {view === 'curves' ? <RunPanel /> : null}
        <main id="main" tabIndex={-1} class={`view-${view}`}>
          <Guarded key={view} view={VIEWS[view]} />
        </main>
      </div>
      <Messages />
      <TokenDialog />
      <Help />
    </>
  );
}

function skipToMain(): void {
  document.getElementById('main')?.focus();
}

function openHelp(): void {
  isHelpOpen.value = true;
}

/** Shows a part; a mistake in it leaves the others usable. */
function Guarded({ view: View }: { readonly view: ComponentType }): VNode {
  const [attempt, setAttempt] = useState(0);
  const [error, reset] = useErrorBoundary((cause: unknown) => {
    failure.value = cause instanceof Error ? cause.message : String(cause);
  });
  if (error === undefined) return <View key={attempt} />;
  return (
    <div class="note bad" role="alert">
      This part of the page failed: {failure.value}{' '}
      <button
        type="button"
        onClick={() => {
          setAttempt(attempt + 1);
          reset();
        }}
      >
        Try again
      </button>
    </div>
  );
}
