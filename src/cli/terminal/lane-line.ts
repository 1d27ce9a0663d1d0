import { counted, formatBytes, formatCount, formatDuration, formatRate } from '../../format.ts';
import type { LaneProgress } from '../../status/index.ts';
import { visibleText } from './visible-text.ts';

/** Of a lane, in the order of what is wanted first; what does not fit may be left out from the end. */
export function laneParts(lane: LaneProgress): string[] {
  return [...stateParts(lane), counted(lane.points, 'point'), ...notTaken(lane), ...paceParts(lane)];
}

/** Of what a pass must bring: how much is there, and how soon the rest is. */
export function passParts(lane: LaneProgress): string[] {
  const { bytesPending, lagBytes, work } = lane;
  if (lane.state !== 'active') return [doneText(lane), counted(lane.points, 'point'), ...stateParts(lane)];
  const doing = work === 'files' ? ['sending artifacts'] : work === 'ends' ? ['finishing runs'] : [];
  if (lagBytes === 0) return ['up to date', counted(lane.points, 'point'), ...doing];
  return [
    doneText(lane),
    `${formatBytes(bytesPending - lagBytes)} of ${formatBytes(bytesPending)}`,
    counted(lane.points, 'point'),
    ...paceParts(lane),
  ];
}

/** Of what a pass must bring, what is there: 0 to 1. */
export function laneShare({ bytesPending, lagBytes }: LaneProgress): number {
  return bytesPending === 0 ? 1 : Math.max(0, (bytesPending - lagBytes) / bytesPending);
}

/** A share as it is reported, rounded down: 100 % is reported when it is true. */
export function percentText(share: number): string {
  return `${(Math.floor(share * 1000) / 10).toFixed(1)} %`;
}

function doneText(lane: LaneProgress): string {
  return percentText(laneShare(lane));
}

function stateParts(lane: LaneProgress): string[] {
  const { state, reason, lagBytes, lagMs, lagPoints, silentSinceMs } = lane;
  const points = lagPoints === undefined || lagPoints === 0 ? '' : `, about ${formatCount(lagPoints)} points`;
  const behind = lagBytes === 0 ? [] : [`${formatBytes(lagBytes)} behind for ${formatDuration(lagMs)}${points}`];
  // It is not late: there is no time to show.
  if (state === 'paused') return lagBytes === 0 ? ['paused'] : ['paused', `${formatBytes(lagBytes)} pending${points}`];
  if (state === 'active') return behind.length === 0 ? ['up to date'] : behind;
  // Its own words say that it waits.
  const why = silentSinceMs === undefined ? `${state}: ${visibleText(reason ?? '')}` : (reason ?? state);
  return [why, ...behind];
}

function paceParts(lane: LaneProgress): string[] {
  const { rate, catchUpMs, lagBytes, state } = lane;
  if (lagBytes === 0 || state !== 'active') return [];
  return [
    ...(rate.points > 0 ? [formatRate(rate.points, 'points')] : []),
    ...(catchUpMs === undefined ? [] : [`${formatDuration(catchUpMs)} left`]),
  ];
}

function notTaken({ refused, unsupported }: LaneProgress): string[] {
  return refused + unsupported > 0 ? [`${counted(refused + unsupported, 'point')} rejected`] : [];
}
