import type { VNode } from 'preact';
import { paramText } from '../../model/columns.ts';
import { visibleText } from '../../model/visible-text.ts';

/** The hyperparameters of a run. */
export function ParamTable({ params }: { readonly params: Readonly<Record<string, unknown>> }): VNode | null {
  const names = Object.keys(params).sort();
  if (names.length === 0) return null;
  return (
    <section aria-labelledby="params-title">
      <h2 id="params-title">
        Params <span class="muted">{names.length}</span>
      </h2>
      <dl class="params">
        {names.map((name) => (
          <div key={name}>
            <dt>{visibleText(name)}</dt>
            <dd>{visibleText(paramText(params[name]), 2000)}</dd>
          </div>
        ))}
      </dl>
    </section>
  );
}
