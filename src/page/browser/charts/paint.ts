/** Paints the plots of a chart on a canvas: bands, raw lines, lines, dots and marks. */
import {
  type Box,
  type ChartScene,
  markPlace,
  type Pen,
  type Pixels,
  pixelsIn,
  type ScenePlot,
  traceBand,
  traceLine,
} from '../../model/chart-scene.ts';
import { lonePoints } from '../../model/plot.ts';

/** Bands of more plots than this cover each other: then only highlighted ones have theirs. */
const MOST_BANDS = 16;

/**
 * More points than this are drawn by lines of one device pixel: without a graphics card, browsers draw those some
 * twenty times as fast as wider ones, and a frame has only 16 ms.
 */
const MOST_WIDE_POINTS = 2500;

/** Paints all plots of a chart into a box. `scale`: device pixels per pixel of the page. */
export function paintPlots(canvas: CanvasRenderingContext2D, scene: ChartScene, box: Box, scale: number): void {
  const to = pixelsIn(box, scene.x, scene.y);
  canvas.save();
  canvas.beginPath();
  canvas.rect(box.left, box.top, box.width, box.height);
  canvas.clip();
  canvas.lineJoin = 'bevel';
  const isFew = scene.plots.length <= MOST_BANDS;
  const isThin = scene.plots.reduce((sum, { plot }) => sum + plot.x.length, 0) > MOST_WIDE_POINTS;
  // Bands first: a line must not be hidden by the band of another run.
  for (const plot of scene.plots) if (isFew || plot.isHighlighted) paintBand(canvas, plot, to);
  for (const plot of scene.plots) paintRaw(canvas, plot, to);
  for (const plot of scene.plots) paintLine(canvas, plot, to, scale, isThin);
  for (const plot of scene.plots) paintMarks(canvas, plot, to, box, scale);
  canvas.restore();
}

function paintBand(canvas: CanvasRenderingContext2D, { plot, colour, isHighlighted }: ScenePlot, to: Pixels): void {
  if (plot.low === plot.high) return;
  canvas.globalAlpha = isHighlighted ? 0.24 : 0.14;
  canvas.fillStyle = colour;
  canvas.fill(path((pen) => traceBand(pen, plot, to)));
  canvas.globalAlpha = 1;
}

function paintRaw(canvas: CanvasRenderingContext2D, { plot, colour }: ScenePlot, to: Pixels): void {
  const { raw } = plot;
  if (raw === undefined) return;
  canvas.globalAlpha = 0.28;
  canvas.lineWidth = 1;
  canvas.strokeStyle = colour;
  canvas.stroke(path((pen) => traceLine(pen, plot.x, raw, to)));
  canvas.globalAlpha = 1;
}

function paintLine(
  canvas: CanvasRenderingContext2D,
  { plot, colour, isHighlighted }: ScenePlot,
  to: Pixels,
  scale: number,
  isThin: boolean,
): void {
  canvas.lineWidth = isHighlighted ? 2.5 * scale : isThin ? 1 : 1.5 * scale;
  canvas.strokeStyle = colour;
  canvas.stroke(path((pen) => traceLine(pen, plot.x, plot.y, to)));
  const lone = lonePoints(plot.y);
  if (lone.length === 0) return;
  canvas.fillStyle = colour;
  canvas.fill(
    path((pen) => {
      for (const i of lone) {
        const [x, y] = [to.x(plot.x[i] as number), to.y(plot.y[i] as number)];
        if (Number.isNaN(x + y)) continue;
        pen.moveTo(x, y);
        pen.arc(x, y, (isHighlighted ? 4 : 3) * scale, 0, 2 * Math.PI);
      }
    }),
  );
}

function paintMarks(canvas: CanvasRenderingContext2D, { plot, colour }: ScenePlot, to: Pixels, box: Box, scale: number): void {
  if (plot.marks.length === 0) return;
  const [crosses, arrows] = [new Path2D(), new Path2D()];
  const size = 3.5 * scale;
  // Several marks of a pixel column look the same as one.
  const seen = new Set<string>();
  for (const { x: at, kind } of plot.marks) {
    const [x, y] = [to.x(at), markPlace(kind, box, scale)];
    const key = `${kind} ${Math.round(x)}`;
    if (Number.isNaN(x) || seen.has(key)) continue;
    seen.add(key);
    if (kind === 'nan') {
      crosses.moveTo(x - size, y - size);
      crosses.lineTo(x + size, y + size);
      crosses.moveTo(x + size, y - size);
      crosses.lineTo(x - size, y + size);
      continue;
    }
    const tip = kind === 'above' ? -size : size;
    arrows.moveTo(x, y + tip);
    arrows.lineTo(x - size, y - tip);
    arrows.lineTo(x + size, y - tip);
    arrows.closePath();
  }
  canvas.lineWidth = 1.5 * scale;
  canvas.strokeStyle = colour;
  canvas.fillStyle = colour;
  canvas.stroke(crosses);
  canvas.fill(arrows);
}

function path(trace: (pen: Pen & Path2D) => void): Path2D {
  const traced = new Path2D();
  trace(traced);
  return traced;
}
