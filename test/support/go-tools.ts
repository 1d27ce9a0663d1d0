// Tools written in Go, for tests: built once from the module proxy, in pinned versions, into the cache folder.
import { existsSync, mkdirSync, mkdtempSync, renameSync, rmSync } from 'node:fs';
import { basename, join } from 'node:path';
import { outputOf, REPOSITORY } from './python-tools.ts';

const BUILD_MS = 400_000;
const MAY_INSTALL = ['MIRRORBOARD_REAL_TRACKERS', 'MIRRORBOARD_REQUIRE_TOOLS'].some((name) => process.env[name] === '1');

/** The program of a command's package, such as `example.org/tool/cmd/tool@v1.2.3`; throws where it can't be had. */
export async function goTool(command: string): Promise<string> {
  const own = process.env['MIRRORBOARD_TEST_CACHE'] || '';
  const cache = own === '' ? join(REPOSITORY, 'node_modules/.cache/mirrorboard-go') : join(own, 'go');
  const [path = '', version = ''] = command.split('@');
  const tool = join(cache, `${basename(path)}-${version}`);
  if (existsSync(tool)) return tool;
  if (!MAY_INSTALL) throw new Error('MIRRORBOARD_REAL_TRACKERS=1 builds it into the cache, once');
  mkdirSync(cache, { recursive: true });
  // Tests run side by side: each builds in a folder of its own, and the program gets its name when it is whole.
  const scratch = mkdtempSync(join(cache, 'new-'));
  try {
    const env = { GOBIN: scratch, GOPATH: join(scratch, 'path'), GOFLAGS: '-modcacherw', GOTOOLCHAIN: 'local' };
    await outputOf('go', ['install', command], BUILD_MS, env);
    renameSync(join(scratch, basename(path)), tool);
  } finally {
    rmSync(scratch, { recursive: true, force: true });
  }
  return tool;
}
