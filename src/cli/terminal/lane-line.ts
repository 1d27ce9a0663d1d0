import { counted, formatBytes, formatCount, formatDuration, formatRate } from '../../format.ts';
import type { LaneProgress } from '../../status/index.ts';
import { visibleText } from './visible-text.ts';

/** Returns the facts about a lane, the most important first; if they do not fit, the last ones may be left out. */
export function laneParts(lane: LaneProgress): string[] {
  return [...stateParts(lane), counted(lane.points, 'point'), ...notTaken(lane), ...paceParts(lane)];
}

/** Returns a lane's part of a pass that is done, and the time until the rest is. */
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

/** Returns the share of a pass that a lane has: 0 to 1. */
export function laneShare({ bytesPending, lagBytes }: LaneProgress): number {
  return bytesPending === 0 ? 1 : Math.max(0, (bytesPending - lagBytes) / bytesPending);
}

/** Formats a share, rounded down: 100 % appears only when it is true. */
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
  // A paused lane is not late: there is no time to show.
  if (state === 'paused') return lagBytes === 0 ? ['paused'] : ['paused', `${formatBytes(lagBytes)} pending${points}`];
  if (state === 'active') return behind.length === 0 ? ['up to date'] : behind;
  // The reason already states that it waits.
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
