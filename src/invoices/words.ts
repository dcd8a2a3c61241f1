import type { Dictionary } from '../pages/languages.ts';

const en = {
  title: (number: string) => `Invoice ${number}`,
  lead: 'Pay it by bank transfer. Write the purpose as it is here: the payment is found by the number in it.',
  amount: 'Amount',
  number: 'Number',
  purpose: 'Purpose of payment',
  payee: 'Payee',
  bin: 'BIN / IIN',
  iban: 'Account (IBAN)',
  bic: 'Bank (BIC)',
  kbe: 'KBe',
  knp: 'KNP',
  payer: 'Payer',
  description: 'For',
  until: 'Pay by',
  states: { created: 'Waiting for payment', paid: 'Paid', expired: 'Expired', cancelled: 'Cancelled: do not pay it' },
};

const ru: typeof en = {
  title: (number: string) => `Счёт на оплату ${number}`,
  lead: 'Оплатите банковским переводом. Назначение платежа укажите как здесь: по номеру в нём мы найдём ваш платёж.',
  amount: 'Сумма',
  number: 'Номер',
  purpose: 'Назначение платежа',
  payee: 'Получатель',
  bin: 'БИН / ИИН',
  iban: 'Счёт (ИИК)',
  bic: 'Банк (БИК)',
  kbe: 'КБе',
  knp: 'КНП',
  payer: 'Плательщик',
  description: 'За что',
  until: 'Оплатить до',
  states: { created: 'Ожидает оплаты', paid: 'Оплачен', expired: 'Срок истёк', cancelled: 'Отменён: не оплачивайте его' },
};

const kk: typeof en = {
  title: (number: string) => `Төлем шоты ${number}`,
  lead: 'Банк аударымымен төлеңіз. Төлем мақсатын осындағыдай жазыңыз: төлеміңіз ондағы нөмір бойынша табылады.',
  amount: 'Сомасы',
  number: 'Нөмірі',
  purpose: 'Төлем мақсаты',
  payee: 'Алушы',
  bin: 'БСН / ЖСН',
  iban: 'Шот (ЖСК)',
  bic: 'Банк (БСК)',
  kbe: 'КБе',
  knp: 'ТМК',
  payer: 'Төлеуші',
  description: 'Не үшін',
  until: 'Төлеу мерзімі',
  states: { created: 'Төлемді күтуде', paid: 'Төленді', expired: 'Мерзімі өтті', cancelled: 'Күшін жойды: төлемеңіз' },
};

/** What the page of an invoice says. */
export const invoiceWords: Dictionary<typeof en> = { en, ru, kk };
