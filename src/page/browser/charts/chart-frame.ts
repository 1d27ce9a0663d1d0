/** A chart on a canvas: uPlot has the axes, the zoom and the crosshair, and the plots are painted by us. */
import uPlot from 'uplot';
import { type ChartScene, shareOn } from '../../model/chart-scene.ts';
import { tickTexts } from '../../model/exact-number.ts';
import { forward, inverse, linearWidth, type Range, ticks } from '../../model/scales.ts';
import { xText, xTicks } from '../../model/time-ticks.ts';
import { paintPlots } from './paint.ts';

/** The colours of axes, as CSS colours. */
export interface FrameColours {
  readonly text: string;
  readonly grid: string;
}

/** What happens on a chart. */
export interface FrameEvents {
  /** A part of the x axis was chosen; null for all of it. */
  readonly zoomed: (range: Range | null) => void;
  /** The crosshair moved to a place, or away. */
  readonly pointed: (at: Pointed | null) => void;
  readonly clicked: (at: Pointed) => void;
}

/** A place in a chart, in its values and in pixels of the page. */
export interface Pointed {
  readonly x: number;
  readonly y: number;
  readonly left: number;
  readonly top: number;
}

/** Charts with the same key have their crosshair at the same place of the x axis. */
const SYNC_KEY = 'curves';
/** A drag of fewer pixels is a click. */
const LEAST_DRAG = 6;
const FONT = '11px system-ui, sans-serif';

/** A chart in an element. */
export class ChartFrame {
  readonly #plot: uPlot;
  readonly #events: FrameEvents;
  #scene: ChartScene;
  #colours: FrameColours;

  constructor(
    host: HTMLElement,
    width: number,
    height: number,
    scene: ChartScene,
    colours: FrameColours,
    events: FrameEvents,
    sync: string | null = SYNC_KEY,
  ) {
    this.#scene = scene;
    this.#colours = colours;
    this.#events = events;
    this.#plot = new uPlot(this.#options(width, height, sync), this.#data(), host);
  }

  /** Shows something else. */
  show(scene: ChartScene, colours: FrameColours): void {
    this.#scene = scene;
    this.#colours = colours;
    this.#plot.setData(this.#data(), true);
  }

  /** Changes the size, in pixels of the page. */
  resize(width: number, height: number): void {
    if (width !== this.#plot.width || height !== this.#plot.height) this.#plot.setSize({ width, height });
  }

  /** Moves the crosshair to a place of the x axis. */
  pointAt(x: number, y: number): void {
    const left = this.#plot.valToPos(x, 'x');
    const top = this.#plot.valToPos(y, 'y');
    this.#plot.setCursor({ left, top: Number.isNaN(top) ? this.#plot.over.clientHeight / 2 : top });
  }

  /** Removes the crosshair. */
  pointAway(): void {
    this.#plot.setCursor({ left: -10, top: -10 });
  }

  /** Returns where values are, in pixels of the plot area. */
  toPixels(x: number, y: number): readonly [number, number] {
    const { clientWidth, clientHeight } = this.#plot.over;
    return [shareOn(this.#scene.x)(x) * clientWidth, (1 - shareOn(this.#scene.y)(y)) * clientHeight];
  }

  /** The picture, with its axes. */
  get canvas(): HTMLCanvasElement {
    return this.#plot.ctx.canvas;
  }

  /** Removes the chart from the page. */
  close(): void {
    this.#plot.destroy();
  }

  /** uPlot finds ranges from data. It has the corners of the scene as data, and our ranges. */
  #data(): uPlot.AlignedData {
    return [[...this.#scene.x.range], [...this.#scene.y.range]];
  }

  #options(width: number, height: number, sync: string | null): uPlot.Options {
    const { zoomed } = this.#events;
    return {
      width,
      height,
      legend: { show: false },
      padding: [8, 12, 0, 0],
      scales: { x: { ...this.#scale('x'), time: false }, y: this.#scale('y') },
      series: [{}, { scale: 'y', paths: () => null, points: { show: false } }],
      axes: [this.#axis('x'), this.#axis('y')],
      cursor: {
        drag: { x: true, y: false, setScale: false, dist: LEAST_DRAG },
        points: { show: false },
        ...(sync === null ? {} : { sync: { key: sync, setSeries: false, scales: ['x', null], filters: { pub: isCrosshair } } }),
        focus: { prox: -1 },
        bind: {
          dblclick: () => () => {
            zoomed(null);
            return null;
          },
          click: (plot, _target, handler) => (event) => {
            handler(event);
            const { left = -1, top = -1 } = plot.cursor;
            if (left >= 0 && plot.select.width < LEAST_DRAG) this.#events.clicked(this.#place(left, top));
            return null;
          },
        },
      },
      hooks: {
        draw: [
          (plot) => {
            const { left, top, width: across, height: down } = plot.bbox;
            paintPlots(plot.ctx, this.#scene, { left, top, width: across, height: down }, uPlot.pxRatio);
          },
        ],
        setSelect: [
          (plot) => {
            const { left, width: wide } = plot.select;
            if (wide < LEAST_DRAG) return;
            const range: Range = [plot.posToVal(left, 'x'), plot.posToVal(left + wide, 'x')];
            plot.setSelect({ left: 0, top: 0, width: 0, height: 0 }, false);
            zoomed(range);
          },
        ],
        setCursor: [
          (plot) => {
            const { left = -1, top = -1 } = plot.cursor;
            this.#events.pointed(left < 0 ? null : this.#place(left, top));
          },
        ],
      },
    };
  }

  #place(left: number, top: number): Pointed {
    return { x: this.#plot.posToVal(left, 'x'), y: this.#plot.posToVal(top, 'y'), left, top };
  }

  #scale(name: 'x' | 'y'): uPlot.Scale {
    const linear = (): number => linearWidth(this.#scene[name].range);
    return {
      distr: 100,
      fwd: (value) => forward(this.#scene[name].kind, value, linear()),
      bwd: (position) => inverse(this.#scene[name].kind, position, linear()),
      range: () => [...this.#scene[name].range],
    };
  }

  #axis(name: 'x' | 'y'): uPlot.Axis {
    const isX = name === 'x';
    const most = ({ bbox }: uPlot): number => (isX ? bbox.width / 66 : bbox.height / 34) / uPlot.pxRatio;
    return {
      scale: name,
      font: FONT,
      stroke: () => this.#colours.text,
      grid: { stroke: () => this.#colours.grid, width: 1 },
      ticks: { show: false },
      gap: 4,
      size: isX ? 26 : (_plot, values) => widthOf(values),
      // Without it, uPlot leaves out what is no power of ten.
      filter: (_plot, splits) => splits,
      splits: (plot) => {
        const { kind, range } = this.#scene[name];
        const count = Math.max(2, Math.floor(most(plot)));
        return [...(isX ? xTicks(this.#scene.xAxis, kind, range, count, this.#scene.zone) : ticks(kind, range, count))];
      },
      values: (_plot, splits) => {
        if (!isX) return [...tickTexts(splits)];
        const step = Math.abs((splits[1] ?? 0) - (splits[0] ?? 0));
        return splits.map((value) => xText(this.#scene.xAxis, value, step, this.#scene.zone));
      },
    };
  }
}

/** Only the crosshair is that of all charts: a zoom goes through the settings. */
function isCrosshair(type: string): boolean {
  return type === 'mousemove' || type === 'mouseleave';
}

/** Pixels of a sign of an axis, and the least width: charts below each other should begin at the same place. */
const [SIGN, LEAST_WIDTH] = [6.4, 46];

function widthOf(values: readonly string[] | null): number {
  const longest = (values ?? []).reduce((most, { length }) => Math.max(most, length), 0);
  return Math.max(LEAST_WIDTH, 12 + SIGN * longest);
}
