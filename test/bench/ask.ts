// Asks a server that is measured.
import { get } from 'node:http';

/** On a connection of its own each time: one that stays open would keep a server from ending. */
export function ask(url: string): Promise<{ readonly code: number | undefined; readonly text: string }> {
  return new Promise((resolve, reject) => {
    const request = get(url, { agent: false }, (response) => {
      let text = '';
      response.setEncoding('utf8').on('data', (chunk: string) => {
        text += chunk;
      });
      response.once('end', () => resolve({ code: response.statusCode, text }));
      response.once('error', reject);
    });
    request.once('error', reject);
  });
}
