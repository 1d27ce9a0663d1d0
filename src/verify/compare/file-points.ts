import type { HeldPoint } from '../../contract/index.ts';
import { type Batch, interpret, jsonText, type Series, valueJson } from '../../model/index.ts';

/** A point of a file, with its value in the form in which lanes give it back. */
export interface FilePoint {
  readonly tag: string;
  readonly plugin: string;
  readonly point: HeldPoint;
  readonly file: string;
  readonly offset: number;
  readonly index: number;
}

/** Yields the points of a batch, scalar or not. `isWanted` selects by tag; default: all. */
export function* filePoints(
  batch: Batch,
  catalogue: readonly Series[],
  isWanted: (tag: string) => boolean = () => true,
): Generator<FilePoint, void, void> {
  const { scalars, objects, file } = batch;
  const { count, series, step, wallTime, value, offset, index, wideSteps, wideValues } = scalars;
  const wanted = catalogue.map(({ tag }) => isWanted(tag));
  for (let row = 0; row < count; row++) {
    const id = series[row] as number;
    const facts = catalogue[id];
    if (facts === undefined || wanted[id] !== true) continue;
    const point = {
      step: wideSteps.get(row) ?? (step[row] as number),
      wallTime: wallTime[row] as number,
      value: wideValues.get(row) ?? (value[row] as number),
    };
    yield { tag: facts.tag, plugin: facts.plugin, point, file, offset: offset[row] as number, index: index[row] as number };
  }
  for (const object of objects) {
    const facts = catalogue[object.series];
    if (facts === undefined || wanted[object.series] !== true) continue;
    const value = jsonText(valueJson(interpret(facts.plugin, object), () => {}));
    const point = { step: object.step, wallTime: object.wallTime, value };
    yield { tag: facts.tag, plugin: facts.plugin, point, file, offset: object.offset, index: object.index };
  }
}
