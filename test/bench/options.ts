import { parseArgs } from 'node:util';

/** What was asked for on the command line. */
export interface Options {
  readonly names: readonly string[];
  readonly pairs: number;
  readonly scale: number;
  /** Small sizes, and nothing is installed. */
  readonly isQuick: boolean;
  readonly isReport: boolean;
  /** Pages that the report is written into; undefined: those of the repository. */
  readonly pages: readonly string[] | undefined;
  /** The folder of another checkout. */
  readonly against: string | undefined;
  readonly isHelp: boolean;
}

const QUICK = { pairs: '1', scale: '0.01' };
const FULL = { pairs: '5', scale: '1' };

/** The options, or what is wrong with them. */
export function readOptions(args: readonly string[]): Options | string {
  try {
    const { values, positionals } = parseArgs({
      args: [...args],
      allowPositionals: true,
      options: {
        pairs: { type: 'string' },
        scale: { type: 'string' },
        quick: { type: 'boolean', default: false },
        report: { type: 'boolean', default: false },
        page: { type: 'string', multiple: true },
        against: { type: 'string' },
        help: { type: 'boolean', default: false },
      },
    });
    const given = { ...(values.quick ? QUICK : FULL), ...values };
    const [pairs, scale] = [Number(given.pairs), Number(given.scale)];
    if (!Number.isInteger(pairs) || pairs < 1) return `--pairs: expected a whole number from 1 on, not ${given.pairs}`;
    if (!(scale > 0 && scale <= 1)) return `--scale: expected a number above 0, at most 1, not ${given.scale}`;
    if (values.report && values.against !== undefined) return '--report and --against: expected one of them';
    if (values.page !== undefined && !values.report) return '--page: expected together with --report';
    return {
      names: positionals,
      pairs,
      scale,
      isQuick: values.quick,
      isReport: values.report,
      pages: values.page,
      against: values.against,
      isHelp: values.help,
    };
  } catch (error) {
    return error instanceof Error ? error.message : String(error);
  }
}
