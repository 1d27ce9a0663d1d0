import { signal } from '@preact/signals';
import type { VNode } from 'preact';
import { ApiProblem, isAbort, isUnreachable } from '../api/client.ts';

interface Message {
  readonly id: number;
  readonly text: string;
  readonly hint: string | undefined;
  readonly isBad: boolean;
}

const messages = signal<readonly Message[]>([]);
let last = 0;
const MOST = 4;
const SHOWN_MS = 8000;

/** Says something for a few seconds. */
export function say(text: string, { hint, isBad = false }: { readonly hint?: string | undefined; readonly isBad?: boolean } = {}): void {
  const id = ++last;
  messages.value = [...messages.value.filter((one) => one.text !== text), { id, text, hint, isBad }].slice(-MOST);
  setTimeout(() => close(id), SHOWN_MS);
}

/** Says what failed. */
export function sayProblem(error: unknown): void {
  if (isAbort(error)) return;
  const hint = error instanceof ApiProblem ? error.hint : undefined;
  say(error instanceof Error ? error.message : String(error), { hint, isBad: true });
}

function close(id: number): void {
  messages.value = messages.value.filter((one) => one.id !== id);
}

/** What the page says. */
export function Messages(): VNode {
  return (
    <div class="messages" aria-live="polite">
      {isUnreachable.value ? <div class="message bad">mirrorboard does not answer. The page tries again by itself.</div> : null}
      {messages.value.map(({ id, text, hint, isBad }) => (
        <div key={id} class={`message ${isBad ? 'bad' : ''}`}>
          <span>
            {text}
            {hint === undefined ? null : <span class="hint">{hint}</span>}
          </span>
          <button type="button" class="plain" aria-label="Close this message" onClick={() => close(id)}>
            ✕
          </button>
        </div>
      ))}
    </div>
  );
}
