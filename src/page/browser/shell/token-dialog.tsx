import { computed, signal, useSignalEffect } from '@preact/signals';
import type { VNode } from 'preact';
import { giveToken, tokenWanted } from '../api/client.ts';
import { Dialog } from './dialog.tsx';

const isWanted = computed(() => tokenWanted.value !== null);
const isOpen = signal(false);

/** Asks for the token of the server. */
export function TokenDialog(): VNode {
  useSignalEffect(() => {
    isOpen.value = isWanted.value;
  });
  return (
    <Dialog title="Token" open={isOpen} onClose={() => giveToken(null)}>
      <form
        method="dialog"
        onSubmit={(event) => {
          event.preventDefault();
          const text = new FormData(event.currentTarget).get('token');
          if (typeof text === 'string' && text.trim() !== '') giveToken(text.trim());
        }}
      >
        {tokenWanted.value === '' || tokenWanted.value === null ? null : <p>{tokenWanted.value}</p>}
        <p>Type the token that is in the file of --token-file. This tab keeps it until you close it.</p>
        <label>
          Token <input name="token" type="password" autocomplete="off" size={40} />
        </label>
        <button type="submit" class="main">
          Continue
        </button>
      </form>
    </Dialog>
  );
}
