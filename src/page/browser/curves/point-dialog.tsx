/** Where a point comes from: the event file, the place of its record, and the checksums. */
import { signal } from '@preact/signals';
import type { VNode } from 'preact';
import { useEffect, useState } from 'preact/hooks';
import type { Curve } from '../../model/curve.ts';
import { exactText } from '../../model/exact-number.ts';
import { wallTimeText } from '../../model/time-ticks.ts';
import { visibleText } from '../../model/visible-text.ts';
import { ApiProblem, get, isAbort } from '../api/client.ts';
import { Dialog } from '../shell/dialog.tsx';
import { chartSettings } from '../state/view.ts';
import { exactCurve } from './exact-points.ts';

interface Chosen {
  readonly run: string;
  readonly tag: string;
  readonly from: number;
  readonly to: number;
  /** The step and value of the last point of the item, as they were drawn. */
  readonly step: number;
  readonly value: number;
  readonly points: number;
}

interface Place {
  readonly step: string;
  readonly value: string;
  readonly wallTime: number;
  readonly file: string;
  readonly offset: number;
  readonly index: number;
}

const chosen = signal<Chosen | undefined>(undefined);
const isOpen = signal(false);

/** Shows where an item of a curve comes from: of a bucket, its last point. */
export function showPoint(tag: string, curve: Curve, index: number): void {
  const step = curve.step[index] as number;
  const first = curve.firstStep[index] as number;
  chosen.value = {
    run: curve.id,
    tag,
    from: Math.floor(Math.min(first, step)),
    to: Math.ceil(Math.max(first, step)),
    step,
    value: curve.value[index] as number,
    points: curve.points[index] as number,
  };
  isOpen.value = true;
}

/** The window that tells where a point comes from. */
export function PointDialog(): VNode {
  const point = chosen.value;
  return (
    <Dialog title="Point" open={isOpen}>
      {point === undefined ? null : <PointFacts key={JSON.stringify(point)} point={point} />}
    </Dialog>
  );
}

function PointFacts({ point }: { readonly point: Chosen }): VNode {
  const [place, setPlace] = useState<Place>();
  const [record, setRecord] = useState<readonly Fact[]>();
  const [problem, setProblem] = useState('');
  useEffect(() => {
    const stop = new AbortController();
    const look = async (): Promise<void> => {
      const found = await placeOf(point, stop.signal);
      setPlace(found);
      if (found !== undefined) setRecord(await recordOf(point.run, found, stop.signal));
      else setProblem('The store does not have this point any more.');
    };
    look().catch((error: unknown) => {
      if (!isAbort(error)) setProblem(error instanceof Error ? error.message : String(error));
    });
    return () => stop.abort();
  }, []);
  const facts: readonly Fact[] = [
    ['Run', point.run],
    ['Tag', point.tag],
    ['Step', place?.step ?? exactText(point.step)],
    ['Value', place?.value ?? exactText(point.value)],
    ...(place === undefined
      ? []
      : ([
          ['Wall time', `${exactText(place.wallTime)} (${wallTimeText(place.wallTime)} UTC)`],
          ['Event file', place.file],
          ['Record at byte', exactText(place.offset)],
          ['Value of the record', exactText(place.index)],
        ] satisfies Fact[])),
    ...(record ?? []),
  ];
  return (
    <>
      <dl class="facts">
        {facts.map(([name, value]) => (
          <div key={name}>
            <dt>{visibleText(name)}</dt>
            <dd class="mono">{visibleText(value)}</dd>
          </div>
        ))}
      </dl>
      {point.points > 1 ? (
        <p class="muted">The last of {point.points} points that are drawn as one here. Zoom in to see the others.</p>
      ) : null}
      {problem === '' ? null : (
        <p class="problem" role="alert">
          {visibleText(problem)}
        </p>
      )}
      {place === undefined && problem === '' ? <p class="muted">Looking…</p> : null}
    </>
  );
}

type Fact = readonly [name: string, value: string];

/** Returns the place of the last point of an item. */
async function placeOf({ run, tag, from, to, step, value }: Chosen, stop: AbortSignal): Promise<Place | undefined> {
  const { shown } = chartSettings.peek();
  const data = (await exactCurve({ run, tag, shown, from, to, positions: true }, stop))?.data;
  if (data === undefined) return undefined;
  // Backwards: several points of a step can have the same value.
  let found = -1;
  for (let i = 0; i < data.step.length; i++) {
    if (Number(data.step[i]) === step && Object.is(Number(data.value[i]), value)) found = i;
  }
  if (found < 0) found = data.step.findLastIndex((each) => Number(each) === step);
  const [at, file, offset] = [data.step[found], data.file?.[found], data.offset?.[found]];
  if (at === undefined || file === undefined || offset === undefined) return undefined;
  return {
    step: exactText(at),
    value: exactText(data.value[found] ?? Number.NaN),
    wallTime: Number(data.wall_time[found]),
    file,
    offset,
    index: data.index?.[found] ?? 0,
  };
}

/** What is on the disk now at the place of a record. */
interface RecordAnswer {
  readonly path: string;
  readonly readable: boolean;
  readonly reason: string | null;
  readonly record: {
    readonly length: number | null;
    readonly end: number | null;
    readonly length_checksum: number | null;
    readonly length_valid: boolean;
    readonly data_checksum: number | null;
    readonly data_valid: boolean | null;
  } | null;
}

/** Returns what the server finds in the file now; nothing if it is an older one. */
async function recordOf(run: string, { file, offset }: Place, stop: AbortSignal): Promise<readonly Fact[]> {
  try {
    const { path, readable, reason, record } = await get<RecordAnswer>('/record', { run, file, offset }, stop);
    const facts: Fact[] = [['Path', path]];
    if (!readable || record === null) return [...facts, ['Record', `cannot be read here: ${reason ?? 'there is none'}`]];
    const { length, end } = record;
    const size = length === null || end === null ? 'is not complete' : `ends at byte ${end} and has ${length} bytes of data`;
    return [
      ...facts,
      ['Record', size],
      ['Checksum of its length', checksum(record.length_checksum, record.length_valid)],
      ['Checksum of its data', checksum(record.data_checksum, record.data_valid)],
    ];
  } catch (error) {
    if (error instanceof ApiProblem && error.status === 404) return [];
    throw error;
  }
}

/** Writes a masked CRC-32C. */
function checksum(sum: number | null, isValid: boolean | null): string {
  if (sum === null) return 'missing';
  const word = isValid === null ? 'not checked' : isValid ? 'valid' : 'not valid: the bytes are damaged';
  return `0x${sum.toString(16).padStart(8, '0')} (${word})`;
}
