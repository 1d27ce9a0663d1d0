/** The frame of a card with the values of a tag: its title, what is on the way, and what went wrong. */
import type { ComponentChildren, RefObject, VNode } from 'preact';
import { tagTitle } from '../../model/tag-groups.ts';
import { visibleText } from '../../model/visible-text.ts';

interface Props {
  readonly tag: string;
  readonly card: RefObject<HTMLElement | null>;
  readonly isLoading: boolean;
  readonly failure?: unknown;
  /** What stands beside the title. */
  readonly beside?: VNode;
  readonly children: ComponentChildren;
}

/** A card of a tag. */
export function TagCard({ tag, card, isLoading, failure, beside, children }: Props): VNode {
  const name = tagTitle(tag);
  return (
    <article ref={card} class="card media-card" data-tag={tag}>
      <header>
        <h3 class="cut" title={name}>
          {name}
        </h3>
        <span class="card-note muted">{isLoading ? 'loading…' : ''}</span>
        {beside}
      </header>
      {failure === undefined ? null : (
        <p class="problem" role="alert">
          {visibleText(failure instanceof Error ? failure.message : String(failure))}
        </p>
      )}
      {children}
    </article>
  );
}
