import type { ComponentChildren, VNode } from 'preact';
import { renderToString } from 'preact-render-to-string';
import { type Language, languages } from './languages.ts';
import type { Page } from './reply.ts';
import { style } from './style.ts';
import { pageWords } from './words.ts';

const ICON = `data:image/svg+xml,${encodeURIComponent('<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 32 32"><rect width="32" height="32" rx="8" fill="#2440c4"/><rect x="7" y="10" width="18" height="12" rx="2.5" fill="#fff"/><rect x="7" y="13" width="18" height="3" fill="#2440c4"/></svg>')}`;

/** The whole document. What comes from merchants and visitors is text in it, never markup: the two constants alone are raw. */
export const renderFrame = (page: Page, nonce: string): string => `<!doctype html>${renderToString(<Frame {...page} nonce={nonce} />)}`;

function Frame({ language, title, body, script, nonce }: Page & { nonce: string }): VNode {
  return (
    <html lang={language}>
      <head>
        <meta charset="utf-8" />
        <meta name="viewport" content="width=device-width, initial-scale=1" />
        <meta name="color-scheme" content="light dark" />
        <meta name="format-detection" content="telephone=no" />
        <title>{title}</title>
        <link rel="icon" href={ICON} />
        <style nonce={nonce} dangerouslySetInnerHTML={{ __html: style }} />
      </head>
      <body>
        {body}
        {script && <script nonce={nonce} dangerouslySetInnerHTML={{ __html: script }} />}
      </body>
    </html>
  );
}

/** The page in every language. Plain links: they change nothing, and work without a script. */
export function LanguageSwitch({ language }: { language: Language }): VNode {
  return (
    <nav class="languages" aria-label={pageWords[language].language}>
      {Object.entries(languages).map(([code, name]) =>
        code === language ? (
          <span lang={code} aria-current="true">
            {name}
          </span>
        ) : (
          <a href={`?lang=${code}`} lang={code} hreflang={code}>
            {name}
          </a>
        ),
      )}
    </nav>
  );
}

/** A name without the signs that turn or hide the text around it. */
export const shownName = (name: string): string => name.replace(/[\p{Cc}\u061C\u200B-\u200F\u202A-\u202E\u2060-\u2069\uFEFF]/gu, '').trim();

/** Whose page it is: the merchant's name, its first letter for a logo, and whether any of this is real. */
export function MerchantLine({ name, test, language }: { name: string; test: boolean; language: Language }): VNode {
  return (
    <p class="merchant">
      <span class="avatar" aria-hidden="true">
        {[...name][0]?.toLocaleUpperCase(language) ?? '·'}
      </span>
      <bdi>{name}</bdi>
      {test && <span class="badge">{pageWords[language].testMode}</span>}
    </p>
  );
}

export type NoticeKind = 'done' | 'waiting' | 'stopped';

/** A page that only says something. */
export function Notice({
  kind,
  title,
  language,
  merchant,
  children,
}: {
  kind: NoticeKind;
  title: string;
  language: Language;
  merchant?: { name: string; test: boolean };
  children: ComponentChildren;
}): VNode {
  return (
    <div class="page">
      <main class="notice">
        {merchant && <MerchantLine {...merchant} language={language} />}
        <div class="panel">
          <span class={`sign ${kind}`} aria-hidden="true">
            <svg viewBox="0 0 24 24">
              <path d={signs[kind]} />
            </svg>
          </span>
          <h1>{title}</h1>
          {children}
        </div>
      </main>
      <footer>
        <LanguageSwitch language={language} />
      </footer>
    </div>
  );
}

const signs: Record<NoticeKind, string> = {
  done: 'M6 12.5l4 4 8-9',
  waiting: 'M12 6.5v6l3.5 2',
  stopped: 'M12 7v6.5M12 16.8v.2',
};

/** A page about what no merchant's room can say more of. */
export const notice = (status: number, language: Language, what: 'unknown' | 'foreign' | 'unreadable' | 'busy' | 'broken'): Page => {
  const { title, text } = pageWords[language][what];
  return {
    status,
    language,
    title,
    body: (
      <Notice kind={what === 'busy' ? 'waiting' : 'stopped'} title={title} language={language}>
        <p>{text}</p>
      </Notice>
    ),
  };
};
