/** Shows Markdown of a log, without its HTML and pictures: parsed, sanitized, and put into the page as elements. */
import DOMPurify from 'dompurify';
import { Marked } from 'marked';
import type { VNode } from 'preact';
import { useEffect, useRef } from 'preact/hooks';

const ENTITIES: Readonly<Record<string, string>> = { '&': '&amp;', '<': '&lt;', '>': '&gt;', '"': '&quot;', "'": '&#39;' };

function escaped(text: string): string {
  return text.replace(/[&<>"']/g, (sign) => ENTITIES[sign] ?? '');
}

/** HTML in a text of a log is text. */
const marked = new Marked({
  gfm: true,
  async: false,
  renderer: { html: ({ text }) => escaped(text), image: ({ text, href }) => escaped(text || href) },
});

/** What Markdown is made of. The parser makes nothing else; this holds even if it can be made to. */
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
};

/** A text as Markdown. */
export function Markdown({ text }: { readonly text: string }): VNode {
  const box = useRef<HTMLDivElement>(null);
  useEffect(() => {
    const html = marked.parse(text) as string;
    const content = DOMPurify.sanitize(html, { ...RULES, RETURN_DOM_FRAGMENT: true });
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
