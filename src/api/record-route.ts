/** The resource about one record of an event file. It is the only one that opens an event file. */
import { z } from 'zod';
import { timeoutSignal } from '../clock.ts';
import { messageOf, systemCode } from '../errors.ts';
import { runLabel } from '../model/index.ts';
import { DEFAULT_LINKS, directoryOf, fullPath, type LinkRules } from '../untrusted/index.ts';
import { count, ofRun, runJson } from './components.ts';
import { integer, oneRun, oneText, runIn } from './parameters.ts';
import { Refusal } from './problem.ts';
import { type FoundRecord, readRecord } from './read-record.ts';
import { type Route, route } from './route.ts';

/** The longest wait for a file system that may not answer. */
const MOST_MS = 10_000;

const checksum = count.nullable();
const record = z.object({
  length: count.nullable().meta({ description: 'The bytes of its data; null if the file ends before them.' }),
  end: count.nullable().meta({ description: 'The offset of the next record.' }),
  length_checksum: checksum.meta({ description: 'The masked CRC-32C of the length, as it is in the file.' }),
  length_valid: z.boolean(),
  data_checksum: checksum,
  data_valid: z.boolean().nullable().meta({ description: 'null if the record is incomplete, has no valid length, or is over 256 MiB.' }),
});

function recordJson(
  { length, lengthChecksum, isLengthValid, dataChecksum, isDataValid }: FoundRecord,
  offset: number,
): z.input<typeof record> {
  // A wrong length can be any number of 64 bits.
  const isPlausible = length !== undefined && Number.isSafeInteger(offset + length + 16);
  return {
    length: isPlausible ? length : null,
    end: isPlausible && isLengthValid ? offset + length + 16 : null,
    length_checksum: lengthChecksum ?? null,
    length_valid: isLengthValid,
    data_checksum: dataChecksum ?? null,
    data_valid: isDataValid ?? null,
  };
}

/** Returns the resource. `linksOf`: the rule for links of each root. */
export function recordRoute(linksOf: LinkRules = () => DEFAULT_LINKS): Route {
  return route({
    path: '/record',
    id: 'getRecord',
    summary: 'One record of an event file, as it is on the disk now: its length, and its checksums.',
    query: z.strictObject({
      run: oneRun,
      file: oneText.min(1).meta({ description: 'The name of a file of the run.' }),
      offset: integer(0, Number.MAX_SAFE_INTEGER - 1).meta({ description: 'The offset of the record in bytes.' }),
    }),
    answer: z.object({
      ...ofRun,
      file: z.string(),
      offset: count,
      path: z.string().meta({ description: 'The path of the file.' }),
      readable: z.boolean().meta({ description: 'False if the server cannot read the file.' }),
      reason: z.string().nullable().meta({ description: 'Why it cannot.' }),
      record: record.nullable(),
    }),
    changes: 'content',
    handle: async ({ store, lanes, signal }, query) => {
      const run = runIn(query.run);
      const { file, offset } = query;
      // Only files that were mirrored: nobody else decides what is opened.
      const files = await store.ask({ kind: 'files', run }, signal);
      if (!files.some(({ name }) => name === file)) {
        throw new Refusal(404, 'MB3021', `the run ${runLabel(run)} has no file ${file.slice(0, 100)}`, {
          hint: 'GET /api/v1/run lists the files.',
        });
      }
      const root = (await store.ask({ kind: 'roots' }, signal)).find(({ name }) => name === run.root);
      const path = root?.path ?? '';
      const directory = directoryOf({ path, links: linksOf(path) }, run.path);
      const about = { ...runJson(run), file, offset, path: fullPath(directory, file) };
      const late = timeoutSignal(MOST_MS, lanes.clock);
      try {
        const found = await readRecord(directory, file, offset, AbortSignal.any([signal, late]));
        return { ...about, readable: true, reason: null, record: recordJson(found, offset) };
      } catch (error) {
        signal.throwIfAborted();
        return { ...about, readable: false, reason: late.aborted ? `no answer within ${MOST_MS / 1000} s` : reasonOf(error), record: null };
      }
    },
  });
}

function reasonOf(error: unknown): string {
  const code = systemCode(error);
  if (code === 'ENOENT' || code === 'ENOTDIR') return 'there is no such file here';
  return messageOf(error);
}
