import type { RefObject } from 'preact';
import { useEffect, useState } from 'preact/hooks';

/** Charts this far outside are prepared already. */
const MARGIN = '250px 0px';

interface Watched {
  readonly observer: IntersectionObserver;
  readonly callbacks: Map<Element, (isInView: boolean) => void>;
}

const watchers = new WeakMap<Element, Watched>();

/** Tells if an element is in the visible part of the scrolled element with the class `scroll`, or near it. */
export function useInView(ref: RefObject<HTMLElement | null>): boolean {
  const [isInView, setInView] = useState(false);
  useEffect(() => {
    const element = ref.current;
    const root = element?.closest('.scroll');
    if (element === null || !(root instanceof Element)) return;
    const { observer, callbacks } = watcherOf(root);
    callbacks.set(element, setInView);
    observer.observe(element);
    return () => {
      observer.unobserve(element);
      callbacks.delete(element);
    };
  }, []);
  return isInView;
}

function watcherOf(root: Element): Watched {
  const known = watchers.get(root);
  if (known !== undefined) return known;
  const callbacks = new Map<Element, (isInView: boolean) => void>();
  const observer = new IntersectionObserver(
    (entries) => {
      for (const { target, isIntersecting } of entries) callbacks.get(target)?.(isIntersecting);
    },
    { root, rootMargin: MARGIN },
  );
  const watcher = { observer, callbacks };
  watchers.set(root, watcher);
  return watcher;
}
