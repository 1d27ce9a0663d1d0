/** The thread that parses texts of others: one after the other. It may be ended at any time. */
import { parentPort } from 'node:worker_threads';
import { parseText, type TextRequest } from './parse-text.ts';

const port = parentPort;
if (port === null) throw new Error('texts are parsed in a worker thread');
port.on('message', (request: TextRequest) => port.postMessage(parseText(request)));
