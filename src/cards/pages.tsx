import type { VNode } from 'preact';
import { LanguageSwitch, MerchantLine, Notice, type NoticeKind, shownName } from '../pages/frame.tsx';
import type { Language } from '../pages/languages.ts';
import type { Page } from '../pages/reply.ts';
import { originOf } from '../pages/return-url.ts';
import type { CardProblems } from '../vault/card-number.ts';
import type { CardFace } from '../vault/checked-card.ts';
import type { Visit } from './cards.ts';
import { Marks } from './marks.tsx';
import { script } from './script.ts';
import { type CardWords, cardWords } from './words.ts';

/** A form that was sent and refused: what is wrong, and what may be shown again. The number may not. */
export interface Refused {
  problems: CardProblems;
  triesLeft: number;
  expiry: string;
  holder: string;
}

const brandNames: Record<string, string> = {
  visa: 'Visa',
  mastercard: 'Mastercard',
  amex: 'American Express',
  mir: 'Mir',
  unionpay: 'UnionPay',
  maestro: 'Maestro',
  diners: 'Diners Club',
  discover: 'Discover',
  jcb: 'JCB',
};
const shieldPath = 'M12 3l7 3v5.5c0 4.3-2.9 7.8-7 9.5-4.1-1.7-7-5.2-7-9.5V6z';
const lockPath = 'M7 11V8a5 5 0 0 1 10 0v3M5.5 11h13v9h-13z';
const checkPath = 'M12 3.5a8.5 8.5 0 1 0 0 17 8.5 8.5 0 0 0 0-17zM8.4 12.3l2.5 2.5 4.7-5.2';

/** The page to enter a card on; again, with words beside the fields, after a form that was refused. */
export function cardFormPage({ merchant, session }: Visit, language: Language, refused?: Refused): Page {
  const words = cardWords[language];
  const { name, test } = shown(merchant);
  const body = (
    <div class="page">
      <main class="split">
        <div class="intro">
          <MerchantLine name={name} test={test} language={language} />
          <h1>{words.title}</h1>
          <p class="lead">{words.lead(name)}</p>
          <ul class="points">
            {words.points.map((point, i) => (
              <li>
                <Icon path={[checkPath, lockPath, shieldPath][i] as string} />
                <span>{point}</span>
              </li>
            ))}
          </ul>
        </div>
        <div class="panel">
          <CardForm words={words} language={language} test={test} {...(refused ? { refused } : {})} />
          <p class="safe">
            <Icon path={lockPath} />
            {words.safe}
          </p>
          {session.failureUrl && (
            <p class="away">
              <a href={session.failureUrl} rel="noreferrer">
                {words.cancel}
              </a>
            </p>
          )}
        </div>
      </main>
      <footer>
        <LanguageSwitch language={language} />
      </footer>
    </div>
  );
  const title = `${refused ? `${words.check} · ` : ''}${words.title} · ${name}`;
  return { status: refused ? 422 : 200, language, title, body, script, formLeadsTo: session.successUrl ? [originOf(session.successUrl)] : [] };
}

function CardForm({ words, language, test, refused }: { words: CardWords; language: Language; test: boolean; refused?: Refused }): VNode {
  const { number, expiry, holder } = refused?.problems ?? {};
  return (
    <form
      id="card-form"
      method="post"
      action={`?lang=${language}`}
      novalidate
      data-words={JSON.stringify(words.errors)}
      data-save={words.save}
      data-saving={words.saving}
    >
      {refused && (
        <div class="summary" role="alert">
          <strong>{words.check}</strong>
          {!number && <span>{words.again} </span>}
          {refused.triesLeft <= 3 && <span>{words.triesLeft(refused.triesLeft)}</span>}
        </div>
      )}
      {test && !refused && (
        <p class="test">
          {words.test} <code>4111 1111 1111 1111</code>
        </p>
      )}
      <Field
        id="number"
        label={words.number}
        error={number && words.errors.number[number]}
        focus={refused !== undefined /* it is always to be entered again */}
        input={{ inputMode: 'numeric', autocomplete: 'cc-number', placeholder: '1234 1234 1234 1234', maxLength: 40, required: true }}
      >
        <Marks />
        <span class="hidden-text" id="brand" aria-live="polite" />
      </Field>
      <div class="row">
        <Field
          id="expiry"
          label={words.expiry}
          error={expiry && words.errors.expiry[expiry]}
          input={{ inputMode: 'numeric', autocomplete: 'cc-exp', placeholder: words.expiryExample, maxLength: 12, required: true, value: refused?.expiry }}
        />
        <Field
          id="holder"
          label={words.holder}
          note={words.optional}
          error={holder && words.errors.holder[holder]}
          input={{ autocomplete: 'cc-name', autocapitalize: 'characters', maxLength: 80, value: refused?.holder }}
        />
      </div>
      <button class="button" type="submit">
        {words.save}
      </button>
    </form>
  );
}

interface FieldProps {
  id: string;
  label: string;
  note?: string;
  error?: string | undefined;
  focus?: boolean;
  input: Record<string, unknown>;
  children?: unknown;
}

function Field({ id, label, note, error, focus, input, children }: FieldProps): VNode {
  return (
    <div class="field">
      <label for={id}>
        {label}
        {note && <span class="optional">{note}</span>}
      </label>
      <div class="control">
        <input
          id={id}
          name={id}
          type="text"
          dir="auto"
          spellcheck={false}
          autocorrect="off"
          aria-describedby={`${id}-error`}
          {...(error ? { 'aria-invalid': 'true' } : {})}
          autofocus={focus}
          {...input}
        />
        {children as VNode}
      </div>
      <p class="error" id={`${id}-error`}>
        {error}
      </p>
    </div>
  );
}

const Icon = ({ path }: { path: string }): VNode => (
  <svg viewBox="0 0 24 24" aria-hidden="true">
    <path d={path} />
  </svg>
);

/** What a page says that takes no card (any more). */
export function closedPage({ merchant, session, state }: Visit, language: Language): Page {
  const words = cardWords[language];
  const what = state === 'saved' ? 'used' : state === 'failed' ? 'failed' : 'expired';
  const kinds: Record<typeof what, NoticeKind> = { used: 'done', failed: 'stopped', expired: 'waiting' };
  const { title, text } = words[what];
  const back = what === 'used' ? session.successUrl : session.failureUrl;
  const body = (
    <Notice kind={kinds[what]} title={title} language={language} merchant={shown(merchant)}>
      <p>{text}</p>
      <BackLink to={back} words={words} />
    </Notice>
  );
  return { status: 410, language, title, body };
}

/** The answer to the form that saved a card, where the merchant named no page of its own to go on to. */
export function savedPage({ merchant }: Visit, { brand, last4 }: CardFace, language: Language): Page {
  const { title, text } = cardWords[language].saved;
  const body = (
    <Notice kind="done" title={title} language={language} merchant={shown(merchant)}>
      <p class="saved-card">
        {brandNames[brand]} •••• {last4}
      </p>
      <p>{text}</p>
    </Notice>
  );
  return { status: 200, language, title, body };
}

const shown = ({ name, mode }: Visit['merchant']) => ({ name: shownName(name), test: mode === 'test' });

const BackLink = ({ to, words }: { to: string | null; words: CardWords }): VNode | null =>
  to ? (
    <a class="button" href={to} rel="noreferrer">
      {words.back}
    </a>
  ) : null;
