// Every backend there is, by its stub or its folder, and one in memory.
import { mlflow } from '../../src/backends/mlflow/index.ts';
import type { Harness } from '../../src/testing/harness.ts';
import { MemoryBackend, MemoryTracker } from '../support/memory-backend.ts';
import { stubHarness as aimHarness } from './aim-harness.ts';
import { stubHarness as clearmlHarness, offlineHarness as clearmlOffline } from './clearml-harness.ts';
import { stubHarness as mlflowHarness } from './mlflow-harness.ts';
import { folderHarness as parquetHarness } from './parquet-harness.ts';
import { stubHarness as trackioHarness } from './trackio-harness.ts';
import { onlineHarness as wandbHarness, offlineHarness as wandbOffline } from './wandb-harness.ts';

export const memoryHarness: Harness = {
  addressing: 'key',
  faults: [],
  async start() {
    const tracker = new MemoryTracker();
    return { connect: async () => new MemoryBackend(tracker), runCount: async () => tracker.runs.size, close: async () => {} };
  },
};

export const HARNESSES: readonly (readonly [string, Harness])[] = [
  ['MLflow', mlflowHarness(mlflow)],
  ['W&B', wandbHarness()],
  ['W&B offline', wandbOffline()],
  ['ClearML', clearmlHarness()],
  ['ClearML offline', clearmlOffline()],
  ['Aim', aimHarness()],
  ['Trackio', trackioHarness()],
  ['Parquet', parquetHarness()],
  ['a tracker in memory', memoryHarness],
];
