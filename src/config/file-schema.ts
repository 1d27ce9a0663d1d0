import { z } from 'zod';
import { DURATION_WORDS, parseWait } from '../duration.ts';
import { MEMORY_WORDS, parseMemory } from '../memory/index.ts';
import { REPLACED } from '../route/index.ts';
import { LINK_RULES } from '../untrusted/index.ts';
import { LOG_FORMATS, LOG_LEVELS, MOVED, RELOADS } from './config.ts';
import { maybeEmpty, path, section, text, validGlobs, word } from './field.ts';
import { localLane } from './local-lane.ts';
import { isRootName } from './parse-root.ts';
import { isUmask } from './parse-umask.ts';
import { artifactField, foldField, joinField, laneNames, listOf, paramsField, routeField } from './route-fields.ts';
import { tagsField } from './tags.ts';

/** The globs of runs, by their paths below a root. A single glob needs no list. */
const listed = z.preprocess(
  (value) => (typeof value === 'string' ? [value] : (value ?? [])),
  z.array(text('a glob'), { error: 'a list of globs' }),
);
const globs = validGlobs(listed, 'path');
const leftOut = validGlobs(listed, 'path', true);

const duration = z
  .union([z.string(), z.number()], { error: DURATION_WORDS })
  .transform((value) => parseWait(String(value)) ?? Number.NaN)
  .refine((ms) => !Number.isNaN(ms), { error: DURATION_WORDS });

const root = z.preprocess(
  // A plain text is a path, whatever it contains: names have a key of their own.
  (value) => (typeof value === 'string' ? { path: value } : value),
  section({
    path: path('the path of a log directory'),
    name: text('a name').refine(isRootName, { error: 'a name without / that is not . or ..' }).optional(),
    links: word(LINK_RULES).optional(),
    replaced: word(REPLACED).optional(),
    run_ended_after: duration.optional(),
    include: globs.optional(),
    exclude: leftOut.optional(),
    ignore: leftOut.optional(),
  }),
);

/**
 * A tracker's lane: the settings of every lane. All others belong to its type, which checks them when the lane is
 * used.
 */
const trackerLane = maybeEmpty(
  z.looseObject(
    {
      type: text('the type of a lane').optional(),
      run_name: text('a template').optional(),
      experiment: text('a template').optional(),
      tags: tagsField.optional(),
      join: joinField.optional(),
    },
    { error: 'a mapping of settings' },
  ),
);

/** Lanes with their settings; a list of names means lanes without settings. */
const lanes = z.preprocess(
  (value) => {
    if (value === undefined || value === null) return {};
    return Array.isArray(value) && value.length > 0 && value.every((name) => typeof name === 'string')
      ? Object.fromEntries(value.map((name) => [name, {}]))
      : value;
  },
  z
    .object(
      { local: localLane.optional() },
      {
        error: ({ input }) =>
          `a mapping of lanes, or a list of their names${Array.isArray(input) && input.length === 0 ? ', not empty' : ''}`,
      },
    )
    .catchall(trackerLane),
);

const runs = maybeEmpty(
  section({
    experiment: text('a template').optional(),
    name: text('a template').optional(),
    parent: text('a template').optional(),
    fold: foldField.optional(),
    fold_flat: foldField.optional(),
    fold_hparams: z.boolean({ error: 'true or false' }).optional(),
  }),
);

/** The settings by lane under one key, together with tags: the form of Tracelet's `config`. */
const configuration = maybeEmpty(
  z
    .object({ tags: tagsField.optional(), shared_tags: tagsField.optional(), local: localLane.optional() }, { error: 'a mapping of lanes' })
    .catchall(trackerLane),
);

/** The settings that both the top of a file and a profile may have. */
const layer = {
  project: text('a name').optional(),
  lanes: lanes.optional(),
  backend: laneNames.optional(),
  backends: laneNames.optional(),
  tags: tagsField.optional(),
  shared_tags: tagsField.optional(),
  runs: runs.optional(),
  config: configuration.optional(),
  routes: listOf(routeField, 'a list of rules').optional(),
  params: listOf(paramsField, 'a list of files with params').optional(),
  artifacts: listOf(artifactField, 'a list of files to store').optional(),
};

/** A profile: its settings replace those at the top of the file. Every other key is a lane with its settings. */
const profile = maybeEmpty(
  z
    .object({ ...layer, local: localLane.optional() }, { error: 'a mapping with lanes, project, tags and settings of lanes' })
    .catchall(trackerLane),
);

const UMASK_WORDS = 'octal digits in quotes that keep all permissions of the owner, such as "027"';

/** A whole configuration file. config/mirrorboard.example.yaml describes each setting. */
export const fileSchema = maybeEmpty(
  section({
    ...layer,
    moved: word(MOVED).optional(),
    roots: z.preprocess((value) => value ?? [], z.array(root, { error: 'a list of log directories' })).optional(),
    include: globs.optional(),
    exclude: leftOut.optional(),
    ignore: leftOut.optional(),
    profiles: maybeEmpty(z.record(z.string(), profile, { error: 'a mapping of profiles' })).optional(),
    links: word(LINK_RULES).optional(),
    replaced: word(REPLACED).optional(),
    scan_interval: duration.optional(),
    run_ended_after: duration.optional(),
    shutdown_grace: duration.optional(),
    reload: word(RELOADS).optional(),
    umask: text(UMASK_WORDS).refine(isUmask, { error: UMASK_WORDS }).optional(),
    memory: z
      .union([z.string(), z.number()], { error: MEMORY_WORDS })
      .transform((value) => parseMemory(String(value)) ?? Number.NaN)
      .refine((bytes) => !Number.isNaN(bytes), { error: MEMORY_WORDS })
      .optional(),
    log: maybeEmpty(section({ level: word(LOG_LEVELS).optional(), format: word(LOG_FORMATS).optional() })).optional(),
  }),
);

/** The checked settings of a file, without those that it leaves out. */
export type FileSettings = z.infer<typeof fileSchema>;

/** A profile, or the settings at the top of a file in its place. */
export type Layer = z.infer<z.ZodObject<typeof layer>>;
