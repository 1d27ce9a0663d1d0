import { maybeEmpty, path, section } from './field.ts';

/** `lanes.local`, as it stands in a file. */
export const localLane = maybeEmpty(
  section({
    path: path('the path of the SQLite file').optional(),
    media_path: path('the path of a folder').optional(),
  }),
);
