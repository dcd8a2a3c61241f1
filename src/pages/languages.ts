/** The languages of hosted pages, by their own names. */
export const languages = { kk: 'Қазақша', ru: 'Русский', en: 'English' } as const;
export type Language = keyof typeof languages;

/** A set of words in every language. Those of English say what there is; a language that lacks one does not compile. */
export type Dictionary<W> = Record<Language, W>;

export const isLanguage = (text: unknown): text is Language => typeof text === 'string' && Object.hasOwn(languages, text);

/**
 * The language of a page: the one that was asked for on the page, or else the one that the browser likes best.
 * @param accept the header Accept-Language. @source RFC 9110, 12.5.4
 */
export function languageOf(asked: unknown, accept: string | undefined): Language {
  if (isLanguage(asked)) return asked;
  const liked = (accept ?? '')
    .slice(0, 500)
    .split(',')
    .map((entry, place) => {
      const [tag = '', ...parameters] = entry.trim().toLowerCase().split(';');
      const q = parameters.map((parameter) => /^\s*q=([\d.]+)$/.exec(parameter)?.[1]).find(Boolean);
      return { language: tag.split('-')[0], quality: q === undefined ? 1 : Number(q), place };
    });
  const known = liked.filter(({ language, quality }) => isLanguage(language) && quality > 0).sort((a, b) => b.quality - a.quality || a.place - b.place);
  return (known[0]?.language as Language | undefined) ?? 'en';
}
