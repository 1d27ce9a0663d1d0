/** Says of a run how each lane has it. */
import type { VNode } from 'preact';
import { safeLink } from '../../model/safe-link.ts';
import { visibleText } from '../../model/visible-text.ts';
import type { RunLane } from '../api/answers.ts';

const SIGNS: Readonly<Record<string, string>> = {
  mirrored: '✓',
  behind: '…',
  differs: '≠',
  stopped: '■',
  refused: '!',
  absent: '–',
};

const WORDS: Readonly<Record<string, string>> = {
  mirrored: 'has everything',
  behind: 'is behind',
  differs: 'differs from the files',
  stopped: 'accepts no more of this run',
  refused: 'refused a part',
  absent: 'does not have it',
};

/** A longer name is cut. */
export const MOST_LANE_NAME = 24;

/** A badge per lane; a link where the tracker has a page for the run. */
export function LaneBadges({ lanes }: { readonly lanes: readonly RunLane[] }): VNode {
  return (
    <>
      {lanes.map(({ name, state, url, verified_at: verified }) => {
        const words =
          `${visibleText(name)} ${WORDS[state] ?? state}` +
          (verified === null || verified === undefined ? '' : `, verified ${verified.replace('T', ' ').slice(0, 16)} UTC`);
        const inside = (
          <>
            <span aria-hidden="true">{SIGNS[state] ?? '?'}</span> {visibleText(name, MOST_LANE_NAME)}
            <span class="unseen"> {WORDS[state] ?? state}</span>
          </>
        );
        const link = safeLink(url);
        return link === undefined ? (
          <span key={name} class={`badge lane-${state}`} title={words}>
            {inside}
          </span>
        ) : (
          <a
            key={name}
            class={`badge lane-${state}`}
            title={`${words}. Open it there.`}
            href={link}
            target="_blank"
            rel="noopener noreferrer"
            tabIndex={-1}
          >
            {inside}
          </a>
        );
      })}
    </>
  );
}
