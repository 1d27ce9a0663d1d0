import { trackio } from '../../src/backends/trackio/index.ts';
import type { Handle } from '../../src/contract/index.ts';
import { type Harness, type Target, UNLIMITED_SECONDS } from '../../src/testing/harness.ts';
import { makeBackend } from '../../src/testing/make-backend.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';
import type { TrackioServer } from '../support/trackio-server.ts';
import { TrackioStub } from '../support/trackio-stub.ts';

/** A handle is opaque to all others; here it is known what it names. */
export function runOf(handle: Handle): { readonly project: string; readonly run: string } {
  return JSON.parse(handle) as { readonly project: string; readonly run: string };
}

/** A lane with a section of a configuration. */
export function connectTrackio(section: Readonly<Record<string, unknown>>): ReturnType<typeof makeBackend> {
  return makeBackend(trackio, section);
}

let projects = 0;

/** Trackio over a real server, which is shared: a project for every case. */
export function realHarness(server: () => TrackioServer): Harness {
  return {
    addressing: 'key',
    comparesArtifacts: true,
    faults: [],
    async start(): Promise<Target> {
      const { url, writeToken, call } = server();
      const project = `contract_${process.pid}_${projects++}`;
      const used = new Set<string>();
      const section = { url, write_token: writeToken };
      return {
        connect: async () => {
          const backend = await makeBackend(trackio, section);
          // Groups of a case are projects: each case has its own.
          const { open } = backend;
          return Object.assign(backend, {
            open: ((source, known, signal) => {
              const group = `${project} ${source.group}`;
              return open.call(backend, { ...source, group }, known, signal).then((handle) => {
                used.add(runOf(handle).project);
                return handle;
              });
            }) satisfies typeof open,
          });
        },
        connectWrongly: () => makeBackend(trackio, { ...section, write_token: 'wrong' }),
        secrets: [writeToken],
        removeRun: async (handle) => {
          const { project: of, run } = runOf(handle);
          await call('delete_run', { project: of, run: null, run_id: run });
        },
        runCount: async () => {
          let count = 0;
          for (const each of used) count += ((await call('get_runs_for_project', { project: each })) as unknown[]).length;
          return count;
        },
        statusOf: async (handle) => {
          const { project: of, run } = runOf(handle);
          const query = `select config from configs where run_id = '${run}'`;
          const { rows } = (await call('query_project', { project: of, query })) as { rows: { config: string }[] };
          return JSON.parse(rows[0]?.config ?? '{}').mirrorboard?.status ?? 'running';
        },
        close: async () => {},
      };
    },
  };
}

const TOKEN = 'pa55-w0rd-of-the-lane';

/** Trackio over the stand-in, one for every case; through its inbox, points are in no request that could fail. */
export function stubHarness(throughInbox = false): Harness {
  return {
    addressing: 'key',
    comparesArtifacts: true,
    faults: throughInbox
      ? []
      : ['rateLimited', 'unavailable', 'connectionLost', 'answerLost', 'partStored', 'hang', 'hangStored', 'noAccess'],
    async start(): Promise<Target> {
      const stub = await TrackioStub.start(TOKEN);
      const inbox = throughInbox ? temporaryFolder() : undefined;
      if (inbox !== undefined) stub.watchInbox(inbox);
      const connect = (token: string): ReturnType<typeof makeBackend> =>
        makeBackend(trackio, {
          url: stub.url,
          write_token: token,
          request_timeout: UNLIMITED_SECONDS,
          ...(inbox === undefined ? {} : { inbox }),
        });
      return {
        connect: () => connect(TOKEN),
        connectWrongly: () => connect(`${TOKEN}-wrong`),
        fail: (fault, times) => stub.server.faults.add(fault, times),
        faultsLeft: () => stub.server.faults.left,
        // A row that a database refuses stops the import of all.
        ...(throughInbox ? {} : { refuse: (tag: string) => void stub.refused.add(tag) }),
        removeRun: async (handle) => void stub.removeRun(runOf(handle).project, runOf(handle).run),
        runCount: async () => [...stub.projects.keys()].reduce((sum, project) => sum + stub.runsOf(project).length, 0),
        statusOf: async (handle) => {
          const facts = stub.configOf(runOf(handle).project, runOf(handle).run)['mirrorboard'] as { readonly status?: 'finished' };
          return facts?.status ?? 'running';
        },
        secrets: [TOKEN],
        complaints: () => stub.server.complaints,
        close: () => stub.close(),
      };
    },
  };
}
