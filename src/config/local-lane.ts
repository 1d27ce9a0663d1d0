import { resolve } from 'node:path';
import { maybeEmpty, path, section } from './field.ts';

/** The section `lanes.local` of a file. */
export const localLane = maybeEmpty(
  section({
    path: path('the path of the SQLite file').optional(),
    media_path: path('the path of a folder').optional(),
  }).superRefine(({ path: file, media_path: folder }, { addIssue }) => {
    if (file === undefined || folder === undefined || resolve(file) !== resolve(folder)) return;
    addIssue({ code: 'custom', path: ['media_path'], message: 'a separate folder, next to the SQLite file' });
  }),
);
