import { steadyMs } from '../clock.ts';
import { withoutUserInfo } from '../config/index.ts';
import type { Capabilities, Probe } from '../contract/index.ts';
import type { ResolvedLane } from '../lanes/index.ts';
import { type Finding, failureFinding } from './finding.ts';
import { type LaneWork, withBackend } from './lane-backend.ts';
import { lossSentences } from './loss-words.ts';
import { formatDuration } from './terminal/index.ts';

/** The difference of clocks above which a finding mentions it. */
const CLOCK_SKEW_MS = 60_000;

/** Checks that a lane's tracker answers and accepts our credentials. Writes nothing. */
export async function probeLane(lane: ResolvedLane, work: LaneWork, now: () => number = steadyMs): Promise<Finding> {
  const startMs = now();
  try {
    return await withBackend(lane, work, async (backend, signal) => {
      const probe = await backend.probe(signal);
      return probeFinding(lane, probe, backend.describe(), now() - startMs);
    });
  } catch (error) {
    const finding = failureFinding('lane', lane.name, error);
    return { ...finding, facts: { ...finding.facts, target: lane.target } };
  }
}

function probeFinding(lane: ResolvedLane, probe: Probe, capabilities: Capabilities, tookMs: number): Finding {
  const { version, clockSkewMs, notes } = probe;
  const address = withoutUserInfo(probe.address);
  const losses = lossSentences(capabilities);
  const isOff = clockSkewMs !== undefined && Math.abs(clockSkewMs) > CLOCK_SKEW_MS;
  const words = [
    `${capabilities.name} at ${address} accepts our credentials`,
    ...(version === undefined ? [] : [`version ${version}`]),
    `answered in ${formatDuration(tookMs)}`,
    ...(clockSkewMs === undefined ? [] : [clockWords(clockSkewMs)]),
  ];
  return {
    area: 'lane',
    name: lane.name,
    state: isOff || notes.length > 0 ? 'note' : 'ok',
    text: words.join(', '),
    more: [...(isOff ? ['Its clock differs from ours: times that it sets itself do not match the event files.'] : []), ...notes],
    facts: {
      type: capabilities.name,
      target: lane.target,
      address,
      version: version ?? null,
      clock_skew_ms: clockSkewMs ?? null,
      notes,
      losses,
    },
  };
}

function clockWords(skewMs: number): string {
  if (Math.abs(skewMs) < 2_000) return 'its clock matches ours';
  return `its clock is ${formatDuration(Math.abs(skewMs))} ${skewMs > 0 ? 'ahead of' : 'behind'} ours`;
}
