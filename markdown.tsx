/** Shows Markdown of a log. It is parsed, sanitized, and put into the page as elements without scripts, styles and pictures. */
import DOMPurify from 'dompurify';
import { marked } from 'marked';
import type { VNode } from 'preact';
import { useEffect, useRef } from 'preact/hooks';

/** What Markdown is made of. Pictures are not: they would be loaded from elsewhere. */
const TAGS = [
  ...['p', 'br', 'hr', 'h1', 'h2', 'h3', 'h4', 'h5', 'h6', 'strong', 'em', 'del', 'code', 'pre', 'blockquote', 'a', 'ul', 'ol', 'li'],
  ...['table', 'thead', 'tbody', 'tr', 'th', 'td', 'input'],
];

const RULES = {
  ALLOWED_TAGS: TAGS,
  ALLOWED_ATTR: ['href', 'title', 'align', 'start', 'type', 'checked', 'disabled'],
  ALLOWED_URI_REGEXP: /^(?:https?|mailto):/i,
  ALLOW_DATA_ATTR: false,
  ALLOW_ARIA_ATTR: false,
  RETURN_DOM_FRAGMENT: true,
} as const;

/** A text as Markdown. */
export function Markdown({ text }: { readonly text: string }): VNode {
  const box = useRef<HTMLDivElement>(null);
  useEffect(() => {
    const html = marked.parse(text, { async: false, gfm: true });
    const content = DOMPurify.sanitize(html, RULES);
    for (const link of content.querySelectorAll('a')) {
      link.target = '_blank';
      link.rel = 'noopener noreferrer nofollow';
    }
    for (const input of content.querySelectorAll('input')) {
      // Only the boxes of task lists.
      if (input.type === 'checkbox') input.disabled = true;
      else input.remove();
    }
    box.current?.replaceChildren(content);
  }, [text]);
  return <div ref={box} class="markdown" />;
}
