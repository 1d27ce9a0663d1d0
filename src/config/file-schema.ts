import { z } from 'zod';
import { LOG_FORMATS, LOG_LEVELS } from './config.ts';
import { maybeEmpty, path, section, text, word } from './field.ts';
import { localLane } from './local-lane.ts';
import { isRootName } from './parse-root.ts';

const ONLY_LOCAL = 'local: this version mirrors into `local` only';

const root = z.preprocess(
  // A plain text is a path, whatever it contains: names have a key of their own.
  (value) => (typeof value === 'string' ? { path: value } : value),
  section({
    path: path('the path of a log directory'),
    name: text('a name').refine(isRootName, { error: 'a name without / that is not . or ..' }).optional(),
  }),
);

const lanes = section({ local: localLane.optional() }, { mlflow: ONLY_LOCAL, wandb: ONLY_LOCAL, clearml: ONLY_LOCAL, aim: ONLY_LOCAL });

/** A whole configuration file. Each setting is described in config/mirrorboard.example.yaml. */
export const fileSchema = maybeEmpty(
  section({
    project: text('a name').optional(),
    roots: z.preprocess((value) => value ?? [], z.array(root, { error: 'a list of log directories' })).optional(),
    lanes: maybeEmpty(lanes).optional(),
    log: maybeEmpty(section({ level: word(LOG_LEVELS).optional(), format: word(LOG_FORMATS).optional() })).optional(),
  }),
);

/** What a file says, checked; what it leaves out is not there. */
export type FileSettings = z.infer<typeof fileSchema>;
