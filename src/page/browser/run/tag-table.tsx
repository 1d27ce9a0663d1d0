import type { VNode } from 'preact';
import { useState } from 'preact/hooks';
import { shortNumber } from '../../model/short-text.ts';
import { visibleText } from '../../model/visible-text.ts';
import type { Run, Series } from '../api/answers.ts';
import { chartSettings } from '../state/view.ts';
import { linkTo } from '../state/view-url.ts';

/** As many are listed; the search finds the others. */
const MOST = 500;

interface Props {
  readonly run: Run;
  readonly series: readonly Series[];
}

/** The tags of a run, with the numbers of each. */
export function TagTable({ run, series }: Props): VNode {
  const [search, setSearch] = useState('');
  const words = search.toLowerCase();
  const found = series.filter(({ tag, plugin }) => tag.toLowerCase().includes(words) || plugin.toLowerCase().includes(words));
  return (
    <section aria-labelledby="tags-title">
      <div class="section-head">
        <h2 id="tags-title">
          Tags <span class="muted">{shortNumber(series.length)}</span>
        </h2>
        <input
          type="search"
          aria-label="Search tags"
          placeholder="Search tags"
          value={search}
          onInput={(event) => setSearch(event.currentTarget.value)}
        />
      </div>
      <div class="wide">
        <table class="plain-table">
          <thead>
            <tr>
              <th>Tag</th>
              <th>Kind</th>
              <th class="number">Points</th>
              <th class="number">Last step</th>
              <th class="number">Last</th>
              <th class="number">Min</th>
              <th class="number">Max</th>
            </tr>
          </thead>
          <tbody>
            {found.slice(0, MOST).map((one) => (
              <Tag key={`${one.plugin} ${one.tag}`} run={run.id} series={one} />
            ))}
          </tbody>
        </table>
      </div>
      {found.length > MOST ? <p class="muted">{`${MOST} of ${shortNumber(found.length)}: search for the others.`}</p> : null}
    </section>
  );
}

function Tag({ run, series }: { readonly run: string; readonly series: Series }): VNode {
  const { tag, plugin, count, last, min, max, last_step: step, display_name: display, description } = series;
  const tagFilter = `^${tag.replace(/[\\^$.*+?()[\]{}|/]/g, '\\$&')}$`;
  const href = linkTo({
    route: { view: 'curves' },
    picked: { kind: 'list', runs: [run] },
    charts: { ...chartSettings.value, tagFilter, tab: plugin },
  });
  return (
    <tr>
      <td>
        <a href={href}>{visibleText(tag)}</a>
        {display === '' || display === tag ? null : <span class="muted"> {visibleText(display, 100)}</span>}
        {description === '' ? null : <div class="muted">{visibleText(description)}</div>}
      </td>
      <td>{visibleText(plugin)}</td>
      <td class="number">{shortNumber(count)}</td>
      <td class="number">{shortNumber(step)}</td>
      <td class="number" title={last === null ? '' : String(last)}>
        {shortNumber(last)}
      </td>
      <td class="number" title={min === null ? '' : String(min)}>
        {shortNumber(min)}
      </td>
      <td class="number" title={max === null ? '' : String(max)}>
        {shortNumber(max)}
      </td>
    </tr>
  );
}
