/** A chart as an SVG document. Pure. */
import { type Box, type ChartScene, markPlace, type Pen, pixelsIn, type ScenePlot, traceBand, traceLine } from './chart-scene.ts';
import { tickTexts } from './exact-number.ts';
import { lonePoints } from './plot.ts';
import { ticks } from './scales.ts';
import { xText, xTicks } from './time-ticks.ts';

const [LEFT, TOP, RIGHT, BOTTOM] = [64, 34, 16, 30];
const LEGEND_LINE = 16;
const LONGEST_LABEL = 60;

/** The size of the picture without its legend, and its colours. */
export interface SvgOptions {
  readonly width: number;
  readonly height: number;
  readonly theme: 'light' | 'dark';
}

/** Returns a chart with its title, axes and a legend below. */
export function chartSvg(scene: ChartScene, { width, height, theme }: SvgOptions): string {
  const box = { left: LEFT, top: TOP, width: width - LEFT - RIGHT, height: height - TOP - BOTTOM };
  const [ink, faint, paper] = theme === 'dark' ? ['#d7dbe0', '#343a42', '#15181c'] : ['#22272e', '#e3e6ea', '#ffffff'];
  const full = height + LEGEND_LINE * scene.plots.length + 8;
  const lines = [
    `<svg xmlns="http://www.w3.org/2000/svg" width="${width}" height="${full}" viewBox="0 0 ${width} ${full}"`,
    ` font-family="system-ui, sans-serif" font-size="11" fill="${ink}">`,
    `<rect width="100%" height="100%" fill="${paper}"/>`,
    `<text x="${LEFT}" y="20" font-size="14" font-weight="600">${escaped(short(scene.title))}</text>`,
    ...axes(scene, box, faint),
    `<clipPath id="plot"><rect x="${box.left}" y="${box.top}" width="${box.width}" height="${box.height}"/></clipPath>`,
    '<g clip-path="url(#plot)" fill="none" stroke-linejoin="round">',
    ...scene.plots.map((plot) => plotSvg(plot, scene, box)),
    '</g>',
    ...scene.plots.map(({ label, colour }, i) => {
      const y = height + LEGEND_LINE * i + 8;
      const text = `<text x="${LEFT + 20}" y="${y}">${escaped(short(label))}</text>`;
      return `<rect x="${LEFT}" y="${y - 4}" width="14" height="3" fill="${colour}"/>${text}`;
    }),
    '</svg>\n',
  ];
  return lines.join('\n');
}

function axes({ x, y, xAxis, zone }: ChartScene, box: Box, faint: string): readonly string[] {
  const to = pixelsIn(box, x, y);
  const bottom = box.top + box.height;
  const across = xTicks(xAxis, x.kind, x.range, Math.floor(box.width / 80), zone);
  const step = (across[1] ?? 0) - (across[0] ?? 0);
  const up = ticks(y.kind, y.range, Math.floor(box.height / 36));
  const texts = tickTexts(up);
  return [
    ...up.map((tick, i) => {
      const at = round(to.y(tick));
      const text = `<text x="${box.left - 6}" y="${at + 4}" text-anchor="end">${texts[i]}</text>`;
      return `<path d="M${box.left} ${at}H${box.left + box.width}" stroke="${faint}"/>${text}`;
    }),
    ...across.map((tick) => {
      const at = round(to.x(tick));
      const text = escaped(xText(xAxis, tick, step, zone));
      const label = `<text x="${at}" y="${bottom + 16}" text-anchor="middle">${text}</text>`;
      return `<path d="M${at} ${box.top}V${bottom}" stroke="${faint}"/>${label}`;
    }),
  ];
}

function plotSvg({ plot, colour, isHighlighted }: ScenePlot, { x, y }: ChartScene, box: Box): string {
  const to = pixelsIn(box, x, y);
  const path = (trace: (pen: Pen) => void): string => {
    const pen = new TextPen();
    trace(pen);
    return pen.text;
  };
  const band = plot.low === plot.high ? '' : path((pen) => traceBand(pen, plot, to));
  const { raw } = plot;
  const behind = raw === undefined ? '' : path((pen) => traceLine(pen, plot.x, raw, to));
  const line = path((pen) => traceLine(pen, plot.x, plot.y, to));
  const dots = lonePoints(plot.y).map((i) => {
    const [cx, cy] = [to.x(plot.x[i] as number), to.y(plot.y[i] as number)];
    return Number.isNaN(cx + cy) ? '' : `<circle cx="${round(cx)}" cy="${round(cy)}" r="3" fill="${colour}"/>`;
  });
  const marks = plot.marks.map(({ x: at, kind }) => {
    const [mx, my] = [to.x(at), markPlace(kind, box)];
    return Number.isNaN(mx)
      ? ''
      : `<path d="${markPath(kind, round(mx), my)}" stroke="${colour}" fill="${kind === 'nan' ? 'none' : colour}"/>`;
  });
  return [
    band && `<path d="${band}" fill="${colour}" fill-opacity="0.16"/>`,
    behind && `<path d="${behind}" stroke="${colour}" stroke-opacity="0.3"/>`,
    line && `<path d="${line}" stroke="${colour}" stroke-width="${isHighlighted ? 2.5 : 1.5}"/>`,
    ...dots,
    ...marks,
  ]
    .filter(Boolean)
    .join('');
}

function markPath(kind: 'nan' | 'above' | 'below', x: number, y: number): string {
  if (kind === 'nan') return `M${x - 3} ${y - 3}l6 6m0 -6l-6 6`;
  return kind === 'above' ? `M${x - 4} ${y + 3}h8l-4 -7z` : `M${x - 4} ${y - 3}h8l-4 7z`;
}

/** Writes what a pen does as an SVG path. */
class TextPen implements Pen {
  /** The path so far. */
  text = '';

  moveTo(x: number, y: number): void {
    this.text += `M${round(x)} ${round(y)}`;
  }

  lineTo(x: number, y: number): void {
    this.text += `L${round(x)} ${round(y)}`;
  }

  closePath(): void {
    this.text += 'Z';
  }
}

function round(pixel: number): number {
  return Math.round(pixel * 100) / 100;
}

function short(text: string): string {
  return text.length > LONGEST_LABEL ? `${text.slice(0, LONGEST_LABEL - 1)}…` : text;
}

const ENTITIES: Readonly<Record<string, string>> = { '&': '&amp;', '<': '&lt;', '>': '&gt;', '"': '&quot;', "'": '&#39;' };

/** Writes a text from a log as text of XML, which knows no control characters and no half characters. */
function escaped(text: string): string {
  return text.replace(/[\p{Cc}\p{Cs}\ufffe\uffff]/gu, '\ufffd').replace(/[&<>"']/g, (sign) => ENTITIES[sign] as string);
}
