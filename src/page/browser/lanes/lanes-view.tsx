/** The Lanes view: how far each tracker is, what is wrong, and what to do about it. */
import type { VNode } from 'preact';
import { useEffect, useState } from 'preact/hooks';
import type { Lane } from '../api/answers.ts';
import { get, isAbort } from '../api/client.ts';
import { lanesNow } from '../api/live.ts';
import { sayProblem } from '../shell/messages.tsx';
import { DamageList } from './damage-list.tsx';
import { LaneCard } from './lane-card.tsx';
import type { Verification } from './verification.tsx';

/** All lanes, and the damage in the files that they mirror. */
export function LanesView(): VNode {
  const [verifications, setVerifications] = useState<readonly Verification[]>([]);
  const lanes = lanesNow.value;
  const lastVerified = lanes?.map((lane) => lane.verified_at).join();
  useEffect(() => {
    const controller = new AbortController();
    get<{ readonly verifications: readonly Verification[] }>('/verifications', {}, controller.signal).then(
      (answer) => setVerifications(answer.verifications),
      (error: unknown) => {
        if (!isAbort(error)) sayProblem(error);
      },
    );
    return () => controller.abort();
  }, [lastVerified]);
  useAskedLanes();
  if (lanes === undefined) return <div class="note">Loading…</div>;
  return (
    <div class="lanes-view">
      {lanes.length === 0 ? <NoLanes /> : null}
      <div class="lane-cards">
        {lanes.map((lane) => (
          <LaneCard
            key={`${lane.name} ${lane.where}`}
            lane={lane}
            verification={verifications.find((one) => one.lane === lane.name && one.where === lane.where)}
          />
        ))}
      </div>
      <DamageList />
    </div>
  );
}

function NoLanes(): VNode {
  return (
    <div class="note">
      The state file knows no lane yet. <code>mirrorboard watch</code> and <code>mirrorboard backfill</code> write it.
    </div>
  );
}

/** Asks once for the lanes: a paused page has no stream that brings them. */
function useAskedLanes(): void {
  useEffect(() => {
    const controller = new AbortController();
    get<{ readonly lanes: readonly Lane[] }>('/lanes', {}, controller.signal).then(
      (answer) => {
        lanesNow.value = answer.lanes;
      },
      (error: unknown) => {
        if (!isAbort(error)) sayProblem(error);
      },
    );
    return () => controller.abort();
  }, []);
}
