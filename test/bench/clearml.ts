import { clearml as tracker } from '../../src/backends/clearml/index.ts';
import type { BigLog } from '../support/event-writer.ts';
import type { Bench, BenchContext } from './bench.ts';
import { count, perSecond, spread, times } from './figures.ts';
import { secondsToMirror } from './mirror.ts';
import { interleave } from './pairs.ts';
import type { Clearml } from './references/clearml.ts';
import { usable } from './references/reference.ts';

const TAGS = 10;
/** As many points for both: the SDK's flush takes some seconds, however few there are. */
const STEPS = 2000;

/** Points a second into one server: ours from event files to stored points, the official SDK's from memory. */
export const clearml: Bench = {
  name: 'clearml',
  about:
    "Points a second into one ClearML server: a backfill against the official SDK's report_scalar and flush (how many times its speed is ours)",
  async run(context) {
    const server = usable(await context.references.clearml(), context.note);
    if (server !== undefined) await compare(context, server);
  },
};

async function compare({ scratch, pairs, scaled, row }: BenchContext, server: Clearml): Promise<void> {
  const log = scratch.log({ tags: TAGS, steps: scaled(STEPS) });
  let round = 0;
  const ours = async (): Promise<number> => log.points / (await mirror(log, server, `ours ${++round}`, scratch.folder('home')));
  const steps = log.points / TAGS;
  const theirs = async (): Promise<number> => (TAGS * steps) / (await server.reportScalars('bench', `theirs ${++round}`, TAGS, steps));
  const measured = await interleave(pairs, ours, theirs);
  row({
    what: `${count(log.points)} points`,
    ours: perSecond(measured.map(([a]) => a)),
    reference: perSecond(measured.map(([, b]) => b)),
    against: 'report_scalar with flush',
    multipleOf: 'rate',
    figure: spread(measured.map(([a, b]) => a / b)),
    format: times,
    target: { bound: 'least', reach: 5, moonshot: 10 },
  });
}

function mirror(log: BigLog, { url, accessKey, secretKey }: Clearml, group: string, home: string): Promise<number> {
  const section = { api_server: url, files_server: url, access_key: accessKey, secret_key: secretKey, project: group };
  return secondsToMirror(log, { type: tracker, section, env: { CLEARML_CONFIG_FILE: '/dev/null' }, group, home });
}
