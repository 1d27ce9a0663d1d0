import type { Backend, Capabilities, HeldPoint } from '../../contract/index.ts';

/** The largest error of a tracker that rounds times. Seconds. */
const ROUNDING_SEC = 1;
/** The last time that every tracker should know: times range from 1970 to the year 10000. Seconds. */
const LAST_ORDINARY_SEC = 253_402_300_800;

/**
 * Returns the form in which a backend may hold a point, by the capabilities that it announces (`describe`). A backend
 * itself says what it holds of a point (`asHeld`), and a wrong answer would hide whatever it did to the points. So
 * mirrorboard believes the answer only if the capabilities admit exactly that difference. Otherwise the point must be
 * there as it is.
 */
export function boundedHeld(
  { holds, keeps }: Capabilities,
  plugin: string,
  point: HeldPoint,
  held: HeldPoint | undefined,
): HeldPoint | undefined {
  if (held === point) return point;
  const isScalar = plugin === 'scalars' && typeof point.value !== 'string';
  // A tracker keeps a text under a scalar's tag like any value that has no kind of its own.
  const holding = holds[plugin === 'scalars' && !isScalar ? 'other' : plugin] ?? holds['other'];
  if (held === undefined) return holding === 'none' || (isScalar && !isNumberKept(keeps, Number(point.value))) ? undefined : point;
  const isAdmitted =
    (held.step === point.step || !keeps.step) &&
    isTimeAdmitted(keeps, point.wallTime, held.wallTime) &&
    isValueAdmitted(keeps, point, held);
  return isAdmitted ? held : point;
}

/** Returns what a backend must give back for a point, if its answer can be believed: see `boundedHeld`. */
export function heldBy(
  backend: Pick<Backend, 'asHeld'>,
  capabilities: Capabilities,
  { tag, plugin }: { readonly tag: string; readonly plugin: string },
  point: HeldPoint,
): HeldPoint | undefined {
  return backend.asHeld === undefined ? point : boundedHeld(capabilities, plugin, point, backend.asHeld(tag, plugin, point));
}

/** True if the tracker has a place for the number: it may have none for NaN and infinities. */
function isNumberKept({ nan, infinities = nan }: Capabilities['keeps'], value: number): boolean {
  return Number.isFinite(value) || (Number.isNaN(value) ? nan : infinities);
}

function isTimeAdmitted({ wallTime }: Capabilities['keeps'], from: number, to: number): boolean {
  if (Object.is(from, to)) return true;
  if (wallTime || !Number.isFinite(to)) return false;
  const isOrdinary = from >= 0 && from < LAST_ORDINARY_SEC;
  return !isOrdinary || Math.abs(from - to) <= ROUNDING_SEC;
}

function isValueAdmitted(keeps: Capabilities['keeps'], { value: from }: HeldPoint, { value: to }: HeldPoint): boolean {
  if (Object.is(from, to)) return true;
  if (typeof from === 'string' || typeof to === 'string') return false;
  if (typeof from === 'bigint') return keeps.wideIntegers === false && Number(from) === Number(to);
  if (Object.is(from, -0)) return !keeps.negativeZero && to === 0;
  if (Number.isNaN(from)) return !keeps.nan;
  return !Number.isFinite(from) && !(keeps.infinities ?? keeps.nan) && Number.isFinite(to) && Math.sign(from) === Math.sign(Number(to));
}
