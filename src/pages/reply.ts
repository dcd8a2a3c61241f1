import type { FastifyReply } from 'fastify';
import type { VNode } from 'preact';
import type { Random } from '../ports.ts';
import { renderFrame } from './frame.tsx';
import type { Language } from './languages.ts';

/** A hosted page, ready to be rendered. */
export interface Page {
  status: number;
  language: Language;
  title: string;
  body: VNode;
  /** a script of ours, as text */
  script?: string;
  /** origins that a form of the page may be led to by the answer, besides our own */
  formLeadsTo?: string[];
}

export interface PageSettings {
  random: Random;
  /** how the world reaches us: whether pages go over TLS */
  publicUrl: string;
}

/** Answers with a page that loads nothing, runs nothing but its own script, and can be neither framed nor kept. */
export function givePage(reply: FastifyReply, page: Page, { random, publicUrl }: PageSettings): FastifyReply {
  const nonce = random.bytes(18).toString('base64');
  return reply
    .code(page.status)
    .headers(headersOf(page, nonce, publicUrl))
    .send(renderFrame(page, nonce));
}

const headersOf = ({ language, formLeadsTo = [] }: Page, nonce: string, publicUrl: string): Record<string, string> => ({
  'content-type': 'text/html; charset=utf-8',
  'content-language': language,
  'content-security-policy': [
    "default-src 'none'",
    `style-src 'nonce-${nonce}'`,
    `script-src 'nonce-${nonce}'`,
    'img-src data:', // the icon
    // A browser holds the redirect after a form to this list as well.
    `form-action ${["'self'", ...new Set(formLeadsTo)].join(' ')}`,
    "frame-ancestors 'none'",
    "base-uri 'none'",
    "require-trusted-types-for 'script'",
    "trusted-types 'none'",
  ].join('; '),
  'referrer-policy': 'no-referrer',
  'cache-control': 'no-store',
  'x-content-type-options': 'nosniff',
  'x-frame-options': 'DENY',
  'x-robots-tag': 'noindex, nofollow',
  'cross-origin-opener-policy': 'same-origin',
  'cross-origin-resource-policy': 'same-origin',
  'permissions-policy':
    'accelerometer=(), autoplay=(), camera=(), display-capture=(), geolocation=(), gyroscope=(), magnetometer=(), microphone=(), midi=(), payment=(), usb=()',
  ...(publicUrl.startsWith('https:') ? { 'strict-transport-security': 'max-age=63072000; includeSubDomains' } : {}),
});
