// What `npm run simulate` is asked for.
import { parseArgs } from 'node:util';

/** The arguments, checked. */
export interface Arguments {
  /** One history, printed in plain words. */
  readonly seed: string | undefined;
  /** How many histories, and the first of them. */
  readonly seeds: number;
  readonly from: number;
  readonly minutes: number;
  /** True to go on after a history that fails. */
  readonly goesOn: boolean;
  /** True to leave out of a history that fails what it fails without. */
  readonly shrinks: boolean;
  /** A known fault that is put back first. */
  readonly fault: string | undefined;
  /** True to put back all known faults, one after the other, and report after how many histories each is found. */
  readonly faults: boolean;
  /** True to run the histories that once failed. */
  readonly found: boolean;
  /** True for results as JSON, one line each. */
  readonly json: boolean;
}

const LONG_SEEDS = 1_000_000;

export const USAGE = `npm run simulate                        # 5,000 histories
npm run simulate -- --seed 36           # one of them, in plain words; --shrink leaves out what does not matter
npm run simulate -- --seeds 200 --from 5000 --minutes 10 --go-on
npm run simulate -- --long              # a million
npm run simulate -- --faults            # after how many histories known faults are found; --fault NAME puts one back
npm run simulate -- --found             # the histories that once failed`;

/** Reads the arguments. Throws for what it does not know. */
export function argumentsOf(args: readonly string[]): Arguments {
  const { values } = parseArgs({
    args: [...args],
    options: {
      seed: { type: 'string' },
      seeds: { type: 'string' },
      from: { type: 'string', default: '1' },
      minutes: { type: 'string' },
      'go-on': { type: 'boolean', default: false },
      shrink: { type: 'boolean', default: false },
      fault: { type: 'string' },
      faults: { type: 'boolean', default: false },
      found: { type: 'boolean', default: false },
      long: { type: 'boolean', default: false },
      json: { type: 'boolean', default: false },
      help: { type: 'boolean', default: false },
    },
  });
  if (values.help) {
    process.stdout.write(`${USAGE}\n`);
    process.exit(0);
  }
  return {
    seed: values.seed,
    seeds: Number(values.seeds ?? (values.long ? LONG_SEEDS : 5000)),
    from: Number(values.from),
    minutes: Number(values.minutes ?? Number.POSITIVE_INFINITY),
    goesOn: values['go-on'],
    shrinks: values.shrink,
    fault: values.fault,
    faults: values.faults,
    found: values.found,
    json: values.json,
  };
}
