import { expect, test } from 'vitest';
import { languageOf } from './languages.ts';

test.each([
  ['kk', 'en', 'kk'],
  [undefined, undefined, 'en'],
  [undefined, '', 'en'],
  [undefined, 'kk-KZ,kk;q=0.9,ru;q=0.8,en;q=0.7', 'kk'],
  [undefined, 'de-DE,de;q=0.9,ru;q=0.5', 'ru'],
  [undefined, 'en;q=0.4, ru-RU;q=0.6', 'ru'],
  [undefined, 'ru;q=0, en', 'en'],
  [undefined, 'fr, *;q=0.5', 'en'],
  ['xx', 'ru', 'ru'],
  [['kk', 'ru'], 'ru', 'ru'],
  ['__proto__', 'constructor', 'en'],
])('asked for %j, liking %j: %s', (asked, accept, language) => expect(languageOf(asked, accept)).toBe(language));
