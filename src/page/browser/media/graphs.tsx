/** The graphs of runs, for programs that show them. */
import { useSignal } from '@preact/signals';
import type { VNode } from 'preact';
import { useRef } from 'preact/hooks';
import { fileNameOf } from '../../model/chart-csv.ts';
import { exactText } from '../../model/exact-number.ts';
import type { MediaJson } from '../../model/media-values.ts';
import { byteSize } from '../../model/short-text.ts';
import { visibleText } from '../../model/visible-text.ts';
import { send } from '../api/client.ts';
import { saveFile } from '../curves/downloads.ts';
import { useInView } from '../curves/in-view.ts';
import { runNames, shownRuns } from '../curves/shown-runs.ts';
import { sayProblem } from '../shell/messages.tsx';
import { TagCard } from './tag-card.tsx';
import { useValues } from './values.ts';

const MOST_VALUES = 20;

/** The graphs of a tag, with buttons to download them. */
export function GraphCard({ tag }: { readonly tag: string }): VNode {
  const card = useRef<HTMLElement>(null);
  const isInView = useInView(card);
  const runs = shownRuns.value ?? [];
  const { runs: found, isLoading, failure } = useValues(tag, runs, isInView, MOST_VALUES).value;
  return (
    <TagCard tag={tag} card={card} isLoading={isLoading} failure={failure}>
      <ul class="graphs">
        {[...found].flatMap(([run, values]) =>
          values.flatMap(({ step, media }) =>
            media.map((each) => (
              <li key={`${run} ${exactText(step)} ${each.sha256}`}>
                {visibleText(runNames.value.get(run) ?? run)}, step {exactText(step)} <Download media={each} name={tag} />
              </li>
            )),
          ),
        )}
      </ul>
    </TagCard>
  );
}

function Download({ media, name }: { readonly media: MediaJson; readonly name: string }): VNode {
  const isBusy = useSignal(false);
  const get = async (): Promise<void> => {
    isBusy.value = true;
    try {
      const bytes = await (await send(media.url)).arrayBuffer();
      saveFile(new Blob([bytes], { type: 'application/octet-stream' }), fileNameOf(name, 'pb'));
    } catch (error) {
      sayProblem(error);
    } finally {
      isBusy.value = false;
    }
  };
  return (
    <button type="button" disabled={isBusy.value} onClick={() => void get()}>
      Download ({byteSize(media.bytes)})
    </button>
  );
}
