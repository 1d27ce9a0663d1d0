/** The files of a chart: all its points as CSV or JSON, its picture as SVG or PNG. */
import { CSV_HEADER, csvLines, fileNameOf, jsonLine } from '../../model/chart-csv.ts';
import type { ChartScene } from '../../model/chart-scene.ts';
import { chartSvg } from '../../model/chart-svg.ts';
import type { Theme } from '../../model/run-colour.ts';
import { say } from '../shell/messages.tsx';
import { exactCurve } from './exact-points.ts';

/** Downloads all points of a tag in some runs. The answer of each run is turned into text at once. */
export async function downloadPoints(format: 'csv' | 'json', tag: string, runs: readonly string[], shown: string): Promise<void> {
  const parts: string[] = format === 'csv' ? [CSV_HEADER] : ['[\n'];
  let points = 0;
  for (const run of runs) {
    const curve = await exactCurve({ run, tag, shown });
    if (curve === undefined) continue;
    if (format === 'json' && points > 0) parts.push(',\n');
    parts.push(format === 'csv' ? csvLines(curve) : jsonLine(curve));
    points += curve.count;
  }
  if (format === 'json') parts.push('\n]\n');
  const type = format === 'csv' ? 'text/csv' : 'application/json';
  saveFile(new Blob(parts, { type }), fileNameOf(tag, format));
  say(`Downloaded ${points.toLocaleString('en')} points`);
}

/** The size of a picture of a chart. */
const [WIDTH, HEIGHT] = [960, 480];

/** Downloads the picture of a chart as SVG. */
export function downloadSvg(tag: string, scene: ChartScene, theme: Theme): void {
  const svg = chartSvg(scene, { width: WIDTH, height: HEIGHT, theme });
  saveFile(new Blob([svg], { type: 'image/svg+xml' }), fileNameOf(tag, 'svg'));
}

/** Downloads the picture of a chart as PNG: that of the SVG, in twice its size. */
export async function downloadPng(tag: string, scene: ChartScene, theme: Theme): Promise<void> {
  const svg = chartSvg(scene, { width: WIDTH, height: HEIGHT, theme });
  const url = URL.createObjectURL(new Blob([svg], { type: 'image/svg+xml' }));
  try {
    const image = new Image();
    image.src = url;
    await image.decode();
    const canvas = document.createElement('canvas');
    [canvas.width, canvas.height] = [image.width * 2, image.height * 2];
    canvas.getContext('2d')?.drawImage(image, 0, 0, canvas.width, canvas.height);
    const blob = await new Promise<Blob | null>((resolve) => canvas.toBlob(resolve, 'image/png'));
    if (blob !== null) saveFile(blob, fileNameOf(tag, 'png'));
  } finally {
    URL.revokeObjectURL(url);
  }
}

/** How long the browser may take to read what it saves. */
const SAVED_MS = 60_000;

/** Gives a file to the user. */
export function saveFile(blob: Blob, name: string): void {
  const link = document.createElement('a');
  link.href = URL.createObjectURL(blob);
  link.download = name;
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), SAVED_MS);
}
