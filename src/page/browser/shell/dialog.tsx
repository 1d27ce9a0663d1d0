import { type Signal, useSignalEffect } from '@preact/signals';
import type { ComponentChildren, VNode } from 'preact';
import { useId, useRef } from 'preact/hooks';

interface Props {
  readonly title: string;
  readonly open: Signal<boolean>;
  readonly onClose?: () => void;
  readonly children: ComponentChildren;
}

/** A window over the page. Esc and a click beside it close it, and the focus goes back to where it was. */
export function Dialog({ title, open, onClose, children }: Props): VNode {
  const box = useRef<HTMLDialogElement>(null);
  const id = useId();
  useSignalEffect(() => {
    const isOpen = open.value;
    if (isOpen && box.current?.open === false) box.current.showModal();
    if (!isOpen && box.current?.open === true) box.current.close();
  });
  const closed = (): void => {
    if (open.peek()) onClose?.();
    open.value = false;
  };
  return (
    <dialog
      ref={box}
      aria-labelledby={id}
      onClose={closed}
      onClick={(event) => {
        if (event.target === box.current) box.current?.close();
      }}
    >
      <div class="dialog">
        <div class="dialog-head">
          <h2 id={id}>{title}</h2>
          <button type="button" class="plain" aria-label="Close" onClick={() => box.current?.close()}>
            ✕
          </button>
        </div>
        {open.value ? children : null}
      </div>
    </dialog>
  );
}
