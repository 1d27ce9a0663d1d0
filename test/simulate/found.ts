// Histories that failed, made small: each found a fault of the service, which is mended.
import type { LaneRule } from './lane-rules.ts';
import type { Plan } from './plan.ts';

const PLAIN: Omit<Plan, 'seed' | 'writers' | 'lanes' | 'faults' | 'healMs'> = {
  hasStore: false,
  scanIntervalMs: 10_000,
  runEndedAfterMs: 1_800_000,
  slackMs: 1000,
  shortReads: 0,
  besieged: undefined,
};

const RULES: readonly LaneRule[] = [
  { kind: 'drops', tag: 'acc' },
  { kind: 'thins', tag: 'lr/a', every: 2 },
];

/**
 * What was wrong, the known fault that brings it back, and the history that showed it. Without a fault, two things
 * prevent it now.
 */
export const FOUND: readonly { readonly words: string; readonly fault?: string; readonly plan: Plan }[] = [
  {
    words: 'a run that was moved while a lane was behind is behind for good under its former path',
    plan: {
      ...PLAIN,
      seed: 'moved while behind',
      lanes: [{ name: 'merging', kind: 'merging', mostLatencyMs: 20 }],
      writers: [{ name: 'writer 1', run: 'a', beginsMs: 1000, flushesMs: [2000, 16_000, 18_000] }],
      faults: [
        { atMs: 15_000, kind: 'mood', lane: 'merging', mood: 'down', forMs: 40_000 },
        { atMs: 25_000, kind: 'renameRun' },
      ],
      healMs: 60_000,
    },
  },
  {
    words: 'a file that is read while its root is not mounted is not read again',
    fault: 'vanished-file-not-retried',
    plan: {
      ...PLAIN,
      seed: 'read while unmounted',
      lanes: [{ name: 'merging', kind: 'merging', mostLatencyMs: 800 }],
      writers: ['a', 'a/train', 'b', 'group/c', 'ü d'].map((run, i) => ({
        name: `writer ${i + 1}`,
        run,
        beginsMs: 1000,
        flushesMs: [2000 + i],
      })),
      faults: [{ atMs: 12_500, kind: 'unmount', how: 'gone', forMs: 8000 }],
      healMs: 30_000,
    },
  },
  {
    words: 'a lane never gets what is written to a file that was emptied while another lane was ahead',
    plan: {
      ...PLAIN,
      seed: '20768',
      runEndedAfterMs: 20_000,
      slackMs: 500,
      lanes: [
        { name: 'replacing', kind: 'replacing', mostLatencyMs: 50 },
        { name: 'journalled', kind: 'journalled', mostLatencyMs: 800 },
      ],
      writers: [
        { name: 'writer 1', run: 'a/val', beginsMs: 13_059, flushesMs: [16_640, 22_247, 23_689, 24_917, 29_396, 29_598, 38_000] },
        { name: 'writer 2', run: 'b', beginsMs: 3691, flushesMs: [8506, 16_313, 18_238, 19_409, 29_156, 38_324] },
      ],
      faults: [{ atMs: 26_248, kind: 'empty' }],
      healMs: 40_000,
    },
  },
  {
    words: 'after a full disk, the store waits without end for a file that was removed meanwhile',
    fault: 'waits-for-what-is-gone',
    plan: {
      ...PLAIN,
      seed: '30229',
      hasStore: true,
      lanes: [],
      writers: [{ name: 'writer 1', run: 'b', beginsMs: 15_406, flushesMs: [17_482] }],
      faults: [
        { atMs: 17_908, kind: 'fullDisk', what: 'both', forMs: 20_000 },
        { atMs: 31_146, kind: 'remove' },
      ],
      healMs: 58_000,
    },
  },
  {
    words: 'what follows an incomplete record is not found if the watch was killed before its run was quiet',
    fault: 'quiet-only-after-growth',
    plan: {
      ...PLAIN,
      seed: '31482',
      hasStore: true,
      runEndedAfterMs: 20_000,
      slackMs: 2000,
      shortReads: 0.3,
      lanes: [],
      writers: [{ name: 'writer 1', run: 'ü d', beginsMs: 4039, flushesMs: [9078] }],
      faults: [
        { atMs: 36_002, kind: 'kill', afterSteps: 45, losesCommits: 0, losesState: false },
        { atMs: 37_393, kind: 'tear', goesOn: true },
      ],
      healMs: 62_000,
    },
  },
  {
    words: 'a lane waits without end for a new file whose run was renamed while it was unclear whose path it had',
    fault: 'gone-while-waiting',
    plan: {
      ...PLAIN,
      seed: '284',
      roots: 2,
      scanIntervalMs: 2000,
      runEndedAfterMs: 120_000,
      slackMs: 2000,
      shortReads: 0.3,
      lanes: [{ name: 'journalled', kind: 'journalled', mostLatencyMs: 50, rules: RULES }],
      writers: [{ name: 'writer 1', run: 'ü d', root: 1, beginsMs: 16_271, flushesMs: [21_993, 24_181] }],
      faults: [
        { atMs: 18_170, kind: 'remove' },
        { atMs: 27_736, kind: 'renameRun' },
      ],
      healMs: 41_000,
    },
  },
  {
    words: 'a new run at the path of one that had moved counts as if it had points, and verify misses its tracker run',
    fault: 'sum-of-a-moved-run',
    plan: {
      ...PLAIN,
      seed: '284',
      hasStore: true,
      roots: 2,
      scanIntervalMs: 2000,
      runEndedAfterMs: 120_000,
      slackMs: 2000,
      shortReads: 0.3,
      lanes: [
        { name: 'replacing', kind: 'replacing', mostLatencyMs: 800 },
        { name: 'journalled', kind: 'journalled', mostLatencyMs: 50, rules: RULES },
      ],
      writers: [{ name: 'writer 1', run: 'ü d', root: 1, beginsMs: 16_271, flushesMs: [21_993, 24_181, 32_069, 36_384] }],
      faults: [
        { atMs: 18_170, kind: 'remove' },
        { atMs: 27_736, kind: 'renameRun' },
        { atMs: 35_880, kind: 'copyOver' },
      ],
      healMs: 41_000,
    },
  },
  {
    words: 'with two roots, a watch never ends that is asked to end while its store waits for a full disk',
    fault: 'waits-after-the-signal',
    plan: {
      ...PLAIN,
      seed: '1886',
      hasStore: true,
      roots: 2,
      runEndedAfterMs: 20_000,
      lanes: [],
      writers: [{ name: 'writer 3', run: 'a', beginsMs: 8953, flushesMs: [14_903] }],
      faults: [
        { atMs: 14_941, kind: 'fullDisk', what: 'store', forMs: 5000 },
        { atMs: 18_911, kind: 'restart' },
      ],
      healMs: 26_000,
    },
  },
  {
    words: 'a record that was written over the end of an incomplete one is not found',
    fault: 'record-over-an-incomplete-one',
    plan: {
      ...PLAIN,
      seed: '275',
      scanIntervalMs: 30_000,
      slackMs: 500,
      shortReads: 0.3,
      lanes: [{ name: 'merging', kind: 'merging', mostLatencyMs: 5 }],
      writers: [{ name: 'writer 3', run: 'a', beginsMs: 8290, flushesMs: [13_338] }],
      faults: [{ atMs: 18_204, kind: 'tear', goesOn: true }],
      healMs: 23_000,
    },
  },
  {
    words: 'a file that does not answer for minutes ends the watch with a series that the store has already',
    fault: 'session-of-a-silent-run',
    plan: {
      ...PLAIN,
      seed: '565',
      hasStore: true,
      isFileSiege: true,
      scanIntervalMs: 2000,
      lanes: [],
      writers: [{ name: 'writer 2', run: 'a/val', beginsMs: 14_006, flushesMs: [22_463] }],
      faults: [{ atMs: 27_174, kind: 'hang', isWhole: false, forMs: 240_000 }],
      healMs: 240_000,
    },
  },
  {
    words: 'a lane is behind for good by what a file had before it was replaced',
    fault: 'size-at-the-end-not-noted',
    plan: {
      ...PLAIN,
      seed: '40003',
      scanIntervalMs: 2000,
      slackMs: 2000,
      shortReads: 0.3,
      lanes: [{ name: 'replacing', kind: 'replacing', mostLatencyMs: 50 }],
      writers: [
        { name: 'writer 3', run: 'group/c', beginsMs: 6120, flushesMs: [6887, 7143, 12_654, 12_754, 19_639, 19_939, 24_947, 26_044] },
      ],
      faults: [{ atMs: 18_802, kind: 'exchange', forMs: 9198 }],
      healMs: 28_000,
    },
  },
  {
    words: 'the main thread asks about a file that does not answer, as a new file has its inode',
    fault: 'asks-a-silent-file',
    plan: {
      ...PLAIN,
      seed: '40667',
      runEndedAfterMs: 20_000,
      slackMs: 500,
      shortReads: 0.3,
      lanes: [{ name: 'journalled', kind: 'journalled', mostLatencyMs: 5 }],
      writers: [{ name: 'writer 1', run: 'a/train', beginsMs: 12_593, flushesMs: [29_069] }],
      faults: [
        { atMs: 42_527, kind: 'hang', isWhole: false, forMs: 31_473 },
        { atMs: 73_126, kind: 'exchange', forMs: 874 },
      ],
      healMs: 74_000,
    },
  },
  {
    words: 'a run without files stays stopped after its tracker run is there again',
    fault: 'stopped-after-its-end',
    plan: {
      ...PLAIN,
      seed: '50110',
      scanIntervalMs: 2000,
      slackMs: 1,
      lanes: [{ name: 'replacing', kind: 'replacing', mostLatencyMs: 5 }],
      writers: [{ name: 'writer 1', run: 'a', beginsMs: 3751, flushesMs: [12_268, 27_118, 34_185, 35_677, 40_964] }],
      faults: [
        { atMs: 33_458, kind: 'deleteRun', lane: 'replacing', forMs: 5000 },
        { atMs: 36_927, kind: 'remove' },
      ],
      healMs: 41_000,
    },
  },
  {
    words: 'a path that did not answer when runs changed places does not answer for good, and a file is not mirrored',
    fault: 'call-of-a-round-dropped',
    plan: {
      ...PLAIN,
      seed: '3345',
      hasStore: true,
      runEndedAfterMs: 20_000,
      slackMs: 3000,
      shortReads: 0.3,
      lanes: [{ name: 'replacing', kind: 'replacing', mostLatencyMs: 5, traits: { lateMs: 3000, mostPoints: 20, pageSize: 20 } }],
      writers: [
        { name: 'writer 1', run: 'ü d', beginsMs: 5547, flushesMs: [14_845, 30_576, 31_256] },
        { name: 'writer 2', run: 'b', beginsMs: 12_167, flushesMs: [25_195, 25_829, 32_849, 33_059, 35_068, 39_320] },
        { name: 'writer 3', run: 'ü d', beginsMs: 10_644, flushesMs: [11_047, 13_356, 21_018, 23_595, 30_949, 31_065, 39_022, 39_701] },
        { name: 'writer 4', run: 'group/c', beginsMs: 15_313, flushesMs: [19_015, 23_927, 24_696, 27_108, 32_111, 34_539] },
      ],
      faults: [
        { atMs: 8889, kind: 'kill', afterSteps: 0, losesCommits: 2, losesState: false },
        { atMs: 18_901, kind: 'hang', isWhole: false, forMs: 20_000 },
        { atMs: 21_346, kind: 'swapRuns' },
        { atMs: 23_346, kind: 'swapRuns' },
        { atMs: 31_346, kind: 'swapRuns' },
      ],
      healMs: 40_000,
    },
  },
  {
    words: 'a lane takes former content from the cache, and never gets what replaced it',
    fault: 'former-content-of-the-same-length',
    plan: {
      ...PLAIN,
      seed: '4331',
      roots: 2,
      runEndedAfterMs: 20_000,
      slackMs: 500,
      shortReads: 0.3,
      lanes: [{ name: 'merging', kind: 'merging', mostLatencyMs: 800, rules: [...RULES, { kind: 'folds', name: 'val' }] }],
      writers: [{ name: 'writer 1', run: 'group/c', root: 1, beginsMs: 4964, flushesMs: [9106, 20_155, 49_985, 50_625] }],
      faults: [
        { atMs: 848, kind: 'kill', afterSteps: 59, losesCommits: 0, losesState: true },
        {
          atMs: 16_684,
          kind: 'requests',
          lane: 'merging',
          share: 0.5,
          faults: ['answerLost', 'partStored', 'connectionLost', 'unavailable'],
          forMs: 20_000,
        },
        { atMs: 18_729, kind: 'unmount', how: 'stale', forMs: 43_271 },
        { atMs: 26_522, kind: 'deleteRun', lane: 'merging', forMs: 5000 },
        { atMs: 26_562, kind: 'replace', isInPlace: false },
      ],
      healMs: 62_000,
    },
  },
  {
    words: 'a lane is behind for good by a file that moved before the lane had anything of it',
    fault: 'unfound-files-stay-behind',
    plan: {
      ...PLAIN,
      seed: '55',
      scanIntervalMs: 2000,
      slackMs: 1,
      lanes: [{ name: 'merging', kind: 'merging', mostLatencyMs: 800 }],
      writers: [
        { name: 'writer 3', run: 'a', beginsMs: 1059, flushesMs: [4531, 11_111] },
        { name: 'writer 4', run: 'ü d', beginsMs: 4038, flushesMs: [5742, 9109, 13_028] },
      ],
      faults: [
        { atMs: 6661, kind: 'mood', lane: 'merging', mood: 'busy', forMs: 10_339 },
        { atMs: 13_589, kind: 'swapRuns' },
      ],
      healMs: 17_000,
    },
  },
  {
    words: 'a read that failed is not tried again, if something of the file that was read before is stored later',
    fault: 'failed-read-forgotten',
    plan: {
      ...PLAIN,
      seed: '8092',
      hasStore: true,
      scanIntervalMs: 30_000,
      slackMs: 500,
      lanes: [
        {
          name: 'replacing',
          kind: 'replacing',
          mostLatencyMs: 800,
          traits: { lateMs: 3000, mostPoints: 5, refuses: 'values', pageSize: 20 },
        },
        { name: 'journalled', kind: 'journalled', mostLatencyMs: 5, traits: { lateMs: 3000 } },
      ],
      writers: [
        { name: 'writer 1', run: 'a', beginsMs: 20_471, flushesMs: [21_826, 33_103] },
        { name: 'writer 2', run: 'a/val', beginsMs: 3462, flushesMs: [5220, 6913, 44_457, 44_921] },
        { name: 'writer 3', run: 'group/c', beginsMs: 4766, flushesMs: [8472, 20_587, 67_395] },
      ],
      faults: [
        { atMs: 47_393, kind: 'swapRuns' },
        { atMs: 57_393, kind: 'swapRuns' },
      ],
      healMs: 68_000,
    },
  },
];
