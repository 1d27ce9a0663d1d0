import type { ScalarColumns } from '../model/index.ts';

/** The bytes of a point in all columns. */
export const POINT_BYTES = 44;

/** Columns for scalar points. They grow, and are handed over whole (their buffers move to another thread). */
export class ColumnWriter {
  count = 0;
  capacity: number;
  series: Uint32Array<ArrayBuffer>;
  step: Float64Array<ArrayBuffer>;
  wallTime: Float64Array<ArrayBuffer>;
  value: Float64Array<ArrayBuffer>;
  offset: Float64Array<ArrayBuffer>;
  checksum: Uint32Array<ArrayBuffer>;
  index: Uint32Array<ArrayBuffer>;
  wideSteps = new Map<number, bigint>();
  wideValues = new Map<number, bigint>();

  constructor(capacity: number) {
    this.capacity = capacity;
    this.series = new Uint32Array(capacity);
    this.step = new Float64Array(capacity);
    this.wallTime = new Float64Array(capacity);
    this.value = new Float64Array(capacity);
    this.offset = new Float64Array(capacity);
    this.checksum = new Uint32Array(capacity);
    this.index = new Uint32Array(capacity);
  }

  /** Adds one point from the slow path. Numbers that no double can hold are kept outside the columns. */
  push(
    series: number,
    step: number | bigint,
    wallTime: number,
    value: number | bigint,
    offset: number,
    checksum: number,
    index: number,
  ): void {
    if (this.count === this.capacity) this.grow(Infinity);
    const row = this.count++;
    this.series[row] = series;
    this.step[row] = Number(step);
    this.wallTime[row] = wallTime;
    this.value[row] = Number(value);
    this.offset[row] = offset;
    this.checksum[row] = checksum;
    this.index[row] = index;
    if (typeof step === 'bigint') this.wideSteps.set(row, step);
    if (typeof value === 'bigint') this.wideValues.set(row, value);
  }

  /** Removes the points after the first `count`: those of a record that turned out to be unreadable. */
  truncate(count: number): void {
    for (let row = count; row < this.count; row++) {
      this.wideSteps.delete(row);
      this.wideValues.delete(row);
    }
    this.count = count;
  }

  finish(): ScalarColumns {
    // A batch that is nearly empty should not carry (and keep alive) full-size columns.
    const n = this.count * 2 < this.capacity ? this.count : this.capacity;
    return {
      count: this.count,
      series: n === this.capacity ? this.series : this.series.slice(0, n),
      step: n === this.capacity ? this.step : this.step.slice(0, n),
      wallTime: n === this.capacity ? this.wallTime : this.wallTime.slice(0, n),
      value: n === this.capacity ? this.value : this.value.slice(0, n),
      offset: n === this.capacity ? this.offset : this.offset.slice(0, n),
      checksum: n === this.capacity ? this.checksum : this.checksum.slice(0, n),
      index: n === this.capacity ? this.index : this.index.slice(0, n),
      wideSteps: this.wideSteps,
      wideValues: this.wideValues,
    };
  }

  /** Makes room for eight times as many points, but not for more than `most`. */
  grow(most: number): void {
    const capacity = Math.min(most, Math.max(64, this.capacity * 8));
    const grown = new ColumnWriter(capacity);
    for (const name of ['series', 'step', 'wallTime', 'value', 'offset', 'checksum', 'index'] as const) {
      grown[name].set(this[name]);
    }
    this.capacity = capacity;
    this.series = grown.series;
    this.step = grown.step;
    this.wallTime = grown.wallTime;
    this.value = grown.value;
    this.offset = grown.offset;
    this.checksum = grown.checksum;
    this.index = grown.index;
  }
}
