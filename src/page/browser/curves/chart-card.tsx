/** A chart with its title, buttons and notes. Its content exists only while it is in view. */
import { useSignal } from '@preact/signals';
import type { VNode } from 'preact';
import { useLayoutEffect, useRef } from 'preact/hooks';
import { tagTitle } from '../../model/tag-groups.ts';
import { visibleText } from '../../model/visible-text.ts';
import { chartSettings } from '../state/view.ts';
import { ChartBody, type ChartHandle, type Told } from './chart-body.tsx';
import { ChartMenu } from './chart-menu.tsx';
import { fullScreen, rangeOf, togglePin, zoom } from './curves-state.ts';
import { useInView } from './in-view.ts';

interface Props {
  readonly tag: string;
}

/** A chart of a tag. */
export function ChartCard({ tag }: Props): VNode {
  const card = useRef<HTMLElement>(null);
  const handle = useRef<ChartHandle | null>(null);
  const told = useSignal<Told | undefined>(undefined);
  const isInView = useInView(card);
  const isFull = fullScreen.value === tag;
  const isPinned = chartSettings.value.pins.includes(tag);
  const name = tagTitle(tag);
  // Before the chart is seen: the key must not come too early.
  useLayoutEffect(() => {
    if (!isFull) return;
    card.current?.querySelector<HTMLElement>('.chart')?.focus();
    const leave = (event: KeyboardEvent): void => {
      if (event.key !== 'Escape' || document.querySelector('dialog[open]') !== null) return;
      event.preventDefault();
      fullScreen.value = null;
    };
    document.addEventListener('keydown', leave);
    return () => document.removeEventListener('keydown', leave);
  }, [isFull]);
  return (
    <article ref={card} class={`card${isFull ? ' is-full' : ''}`} data-tag={tag}>
      <header>
        <h3 class="cut" title={name}>
          {name}
        </h3>
        <Note told={told.value} />
        {rangeOf(tag) === null ? null : (
          <button type="button" class="plain" title="Show all of the x axis" onClick={() => zoom(tag, null)}>
            Reset
          </button>
        )}
        <button
          type="button"
          class="plain"
          aria-pressed={isPinned}
          aria-label={`Pin ${name}`}
          title={isPinned ? 'Unpin (p)' : 'Pin on top (p)'}
          onClick={() => togglePin(tag)}
        >
          {isPinned ? '★' : '☆'}
        </button>
        <button
          type="button"
          class="plain"
          aria-pressed={isFull}
          aria-label={`${isFull ? 'Leave' : 'Enter'} full screen: ${name}`}
          title={isFull ? 'Leave full screen (Esc)' : 'Full screen (f)'}
          onClick={() => (fullScreen.value = isFull ? null : tag)}
        >
          {isFull ? '✕' : '⤢'}
        </button>
        <ChartMenu tag={tag} scene={() => handle.current?.scene()} />
      </header>
      <div class="card-body">
        {isInView || isFull ? (
          <ChartBody
            tag={tag}
            ready={(next) => (handle.current = next)}
            told={(next) => (told.value = isSame(told.peek(), next) ? told.peek() : next)}
          />
        ) : null}
      </div>
    </article>
  );
}

function isSame(a: Told | undefined, b: Told): boolean {
  return a !== undefined && (Object.keys(b) as (keyof Told)[]).every((key) => a[key] === b[key]);
}

function Note({ told }: { readonly told: Told | undefined }): VNode {
  if (told === undefined) return <span class="card-note" />;
  const { drawn, points, isLoading, isPreview, failure } = told;
  if (failure !== undefined) {
    const text = visibleText(failure instanceof Error ? failure.message : String(failure));
    return (
      <span class="card-note problem cut" title={text} role="alert">
        {text}
      </span>
    );
  }
  const texts = [
    points > drawn ? `${drawn.toLocaleString('en')} of ${points.toLocaleString('en')} points drawn` : '',
    isPreview ? 'smoothing preview' : '',
    isLoading ? 'loading…' : points === 0 ? 'no points' : '',
  ].filter(Boolean);
  return (
    <span
      class="card-note muted cut"
      title={points > drawn ? 'Each drawn point stands for several; the band has their smallest and largest. Zoom in to see all.' : ''}
    >
      {texts.join(' · ')}
    </span>
  );
}
