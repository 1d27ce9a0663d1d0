import { expect, it } from '@jest/globals';
import { trackio } from '../../../../src/backends/trackio/index.ts';
import { event, image, text } from '../../../../src/testing/events/index.ts';
import { makeBackend } from '../../../../src/testing/make-backend.ts';
import { addressed, GrowingRun } from '../../../../src/testing/parcels.ts';
import { TrackioStub } from '../../../support/trackio-stub.ts';

const PNG = Buffer.from('iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==', 'base64');

it('a file that is damaged or lost on the server is found, and mended when its point comes again', async () => {
  const signal = new AbortController().signal;
  const stub = await TrackioStub.start();
  const backend = await makeBackend(trackio, { url: stub.url, write_token: 'stub-token' });
  const run = new GrowingRun();
  try {
    const drafts = run.append([
      event({ wallTime: 1, step: 1, summary: [image('img', { width: 1, height: 1, encoded: PNG }), text('long', 'x'.repeat(100_000))] }),
    ]);
    const handle = await backend.open(run.source(), undefined, signal);
    const tags = async (): Promise<string[]> => {
      const found: string[] = [];
      for await (const { tag, points } of backend.readBack(handle)) found.push(...points.map(() => tag));
      return found.sort();
    };
    const send = async (): Promise<void> => {
      expect(await backend.send(addressed(drafts, handle), signal)).toMatchObject([{ kind: 'accepted' }]);
      expect(await tags()).toEqual(['img', 'long']);
    };
    await send();
    expect(stub.media.size).toBe(2);
    const whole = new Map(stub.media);
    for (const [path, data] of whole) stub.media.set(path, Buffer.alloc(data.length));
    expect(await tags()).toEqual([]);
    await send();
    expect(stub.media).toEqual(whole);
    stub.media.clear();
    expect(await tags()).toEqual([]);
    await send();
    expect(stub.media).toEqual(whole);
    expect(stub.server.complaints).toEqual([]);
  } finally {
    await backend.close();
    run.remove();
    await stub.close();
  }
});
