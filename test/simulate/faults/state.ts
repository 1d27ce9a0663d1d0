import type { KnownFault } from './known-fault.ts';

/** Faults of state and store: what is still known after a crash, or a full disk. */
export const STATE: readonly KnownFault[] = [
  {
    name: 'changes-lost-on-a-full-disk',
    needs: { kinds: ['fullDisk'] },
    words: 'what a full disk did not take is forgotten',
    module: 'state/group-commit',
    from: '#fail(error) {\n        this.#undo();',
    to: '#fail(error) {\n        this.#pending.clear();\n        this.#undo();',
  },
  {
    name: 'sessions-kept-after-failure',
    needs: { kinds: ['fullDisk'], hasStore: true },
    words: 'after the store failed, readers go on where they were instead of at its positions',
    module: 'sync/local-sync',
    from: 'if (run.hasSession)\n                this.#sessions.forget(run);\n            if (run.unsettled.size === 0)',
    to: 'if (run.unsettled.size === 0)',
  },
  {
    name: 'store-failure-forgets-files',
    needs: { kinds: ['fullDisk'], hasStore: true },
    words: 'files that were read while the store failed are not read again',
    module: 'sync/local-sync',
    from: 'for (const name of run.unsettled)\n                run.dirty.add(name);\n            this.#queues.add(run);\n        }\n        this.#lane',
    to: '}\n        this.#lane',
  },
  {
    name: 'empty-fingerprint',
    needs: { kinds: ['kill'] },
    words: 'a tracker run is known by no file, so that nobody finds it again after a crash',
    module: 'sync/run-opener',
    from: 'fingerprint: marks.list(),',
    to: 'fingerprint: [],',
  },
  {
    name: 'unfound-files-stay-behind',
    needs: { kinds: ['swapRuns'] },
    words: 'a lane stays behind by files that moved before it had anything of them',
    module: 'sync/watcher',
    from: 'this.#status.roundBegins();',
    to: '',
  },
  {
    name: 'sum-of-a-moved-run',
    needs: { kinds: ['renameRun'] },
    words: 'a new run counts as delivered what a run had that was at its path before',
    module: 'state/lane-state',
    from: 'if (this.#deliveredSince !== commits)',
    to: 'if (this.#store.commits.isEmpty)',
  },
];
