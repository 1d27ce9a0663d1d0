/** What the charts share besides the settings of the link. */
import { signal } from '@preact/signals';
import type { RowOrder } from '../../model/crosshair.ts';
import { type Range, roundRange } from '../../model/scales.ts';
import { chartSettings, setCharts } from '../state/view.ts';

/** The run or group that is drawn above the others; null for none. */
export const highlighted = signal<string | null>(null);
/** True while a zoom of one chart is that of all. */
export const isLinked = signal(true);
/** The tag whose chart fills the page; null for none. */
export const fullScreen = signal<string | null>(null);
/** The order of the rows below charts. */
export const rowOrder = signal<RowOrder>('value');
/** The sections that are closed, by prefix. */
export const closedSections = signal<ReadonlySet<string>>(new Set());

/** What one chart has of its own. */
export interface CardSettings {
  /** The ends of the y axis that were typed; undefined for one that fits. */
  readonly low?: number;
  readonly high?: number;
  readonly withZero: boolean;
  /** The zoom while charts are not linked. */
  readonly range: Range | null;
}

const NO_SETTINGS: CardSettings = { withZero: false, range: null };
const cards = signal<ReadonlyMap<string, CardSettings>>(new Map());

/** Returns what a chart has of its own. */
export function cardSettings(tag: string): CardSettings {
  return cards.value.get(tag) ?? NO_SETTINGS;
}

/** Changes what a chart has of its own. */
export function setCard(tag: string, changes: Partial<CardSettings>): void {
  cards.value = new Map(cards.peek()).set(tag, { ...(cards.peek().get(tag) ?? NO_SETTINGS), ...changes });
}

/** Returns the part of the x axis that a chart shows; null for all. */
export function rangeOf(tag: string): Range | null {
  return isLinked.value ? chartSettings.value.xRange : cardSettings(tag).range;
}

/** Zooms one chart, or all that are linked. */
export function zoom(tag: string, chosen: Range | null): void {
  const range = chosen === null ? null : roundRange(chosen);
  if (isLinked.peek()) setCharts({ xRange: range });
  else setCard(tag, { range });
}

/** Shows all of the x axis in every chart. */
export function resetZoom(): void {
  setCharts({ xRange: null });
  cards.value = new Map([...cards.peek()].map(([tag, card]) => [tag, { ...card, range: null }]));
}

/** Puts a chart on top, or back. */
export function togglePin(tag: string): void {
  const { pins } = chartSettings.peek();
  setCharts({ pins: pins.includes(tag) ? pins.filter((pin) => pin !== tag) : [...pins, tag] });
}

/** Opens or closes a section. */
export function toggleSection(prefix: string): void {
  const closed = new Set(closedSections.peek());
  if (!closed.delete(prefix)) closed.add(prefix);
  closedSections.value = closed;
}
