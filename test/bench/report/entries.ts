import { againstAimClient, againstAimConvert } from '../aim.ts';
import { backfillSimple } from '../backfill.ts';
import type { Bench } from '../bench.ts';
import { clearml } from '../clearml.ts';
import { decodeSimple } from '../decode.ts';
import { watchIdle } from '../idle.ts';
import { fiveLanes } from '../lanes.ts';
import { followNotified } from '../latency.ts';
import { live } from '../live.ts';
import { mlflowBatches } from '../mlflow.ts';
import { compareWandb } from '../wandb.ts';

/** A part of the report: one benchmark, whose rows become lines of the table. */
export interface ReportEntry {
  /** The word that selects it on the command line. */
  readonly name: string;
  /** What begins its first line. */
  readonly what: string;
  readonly run: Bench['run'];
}

/** The report, from its first line to its last. */
export const REPORT: readonly ReportEntry[] = [
  { name: 'decode', what: 'Decode, records a second', run: decodeSimple },
  { name: 'local', what: 'Local store', run: backfillSimple },
  { name: 'latency', what: 'Watch, append to readable', run: followNotified },
  { name: 'idle', what: 'Watch, nothing new', run: (context) => watchIdle(context, 30) },
  { name: 'live', what: 'Watch, growing runs', run: live.run },
  { name: 'lanes', what: 'Several trackers at once', run: fiveLanes },
  { name: 'mlflow', what: 'MLflow', run: mlflowBatches },
  { name: 'wandb-online', what: 'W&B (stand-in of the server)', run: (context) => compareWandb(context, 'online') },
  { name: 'wandb-offline', what: 'W&B (folder)', run: (context) => compareWandb(context, 'offline') },
  { name: 'clearml', what: 'ClearML (stand-in of the server)', run: clearml.run },
  { name: 'aim-convert', what: 'Aim, and its converter', run: againstAimConvert },
  { name: 'aim-client', what: 'Aim, and its client', run: againstAimClient },
];
