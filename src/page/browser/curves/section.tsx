/** A section of cards, which can be closed. */
import type { ComponentChildren, VNode } from 'preact';
import { closedSections, toggleSection } from './curves-state.ts';

interface Props {
  readonly id: string;
  readonly name: string;
  /** The number of cards. */
  readonly size: number;
  /** The class of the part that holds the cards. */
  readonly grid: 'chart-grid' | 'media-list';
  readonly children: ComponentChildren;
}

/** A section with its title and the number of its cards. */
export function Section({ id, name, size, grid, children }: Props): VNode {
  const isClosed = closedSections.value.has(id);
  return (
    <section class="charts" aria-label={name}>
      <h2>
        <button type="button" class="plain" aria-expanded={!isClosed} onClick={() => toggleSection(id)}>
          <span class="arrow">{isClosed ? '▸' : '▾'}</span> {name} <span class="badge">{size}</span>
        </button>
      </h2>
      {isClosed ? null : <div class={grid}>{children}</div>}
    </section>
  );
}
