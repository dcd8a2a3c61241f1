import type { Dictionary, Language } from '../pages/languages.ts';

const plural = (language: Language) => {
  const rules = new Intl.PluralRules(language);
  return (n: number, forms: { one: string; few?: string; many?: string; other: string }): string => forms[rules.select(n) as 'one'] ?? forms.other;
};
const [inEnglish, inRussian] = [plural('en'), plural('ru')];

const en = {
  title: 'Save your card',
  lead: (merchant: string) => `${merchant} will send your payouts to this card.`,
  points: [
    'Nothing is charged: the card is only saved.',
    'The number is encrypted as soon as it arrives.',
    'The company that pays you sees only its first and last digits.',
  ],
  number: 'Card number',
  expiry: 'Expiry date',
  expiryExample: 'MM / YY',
  holder: 'Name on card',
  optional: 'optional',
  save: 'Save card',
  saving: 'Saving…',
  safe: 'Encrypted. Nothing is charged.',
  cancel: 'Cancel and return',
  back: 'Return to the site',
  check: 'Please check the card',
  again: 'For your safety the number is not sent back to this page, so enter it once more.',
  triesLeft: (n: number) => `You have ${n} more ${inEnglish(n, { one: 'try', other: 'tries' })}.`,
  test: 'Test mode: nothing is real. Use the card',
  errors: {
    number: {
      missing: 'Enter the card number.',
      digits: 'A card number has digits only.',
      length: 'Digits are missing, or there are too many. Compare it with the card.',
      check: 'One of the digits is wrong. Compare the number with the card.',
    },
    expiry: {
      missing: 'Enter the expiry date.',
      format: 'Enter month and year as on the card, for example 09 / 29.',
      past: 'This card has expired. Use another one.',
      far: 'No card lasts that long. Check the year.',
    },
    holder: {
      characters: 'Enter the name in letters, as on the card.',
      long: 'This name is too long. Enter it as on the card.',
    },
  },
  saved: { title: 'Card saved', text: 'Your payouts will go to this card. You can close this page.' },
  used: { title: 'The card has been saved', text: 'This link works once, and it has done its work. There is nothing more to do.' },
  expired: { title: 'This link has expired', text: 'Ask for a new one where you got it.' },
  failed: { title: 'Too many tries', text: 'For safety this link no longer works. Ask for a new one where you got it.' },
};

const ru: typeof en = {
  title: 'Сохраните карту',
  lead: (merchant) => `На эту карту вы будете получать выплаты от ${merchant}.`,
  points: [
    'Деньги не списываются: карта только сохраняется.',
    'Номер шифруется сразу, как только приходит к нам.',
    'Компания, которая вам платит, видит только первые и последние цифры.',
  ],
  number: 'Номер карты',
  expiry: 'Срок действия',
  expiryExample: 'ММ / ГГ',
  holder: 'Имя на карте',
  optional: 'необязательно',
  save: 'Сохранить карту',
  saving: 'Сохраняем…',
  safe: 'Данные шифруются. Деньги не списываются.',
  cancel: 'Отменить и вернуться',
  back: 'Вернуться на сайт',
  check: 'Проверьте данные карты',
  again: 'Ради вашей безопасности номер не возвращается на страницу, поэтому введите его ещё раз.',
  triesLeft: (n) =>
    inRussian(n, { one: `Осталась ${n} попытка.`, few: `Осталось ${n} попытки.`, many: `Осталось ${n} попыток.`, other: `Осталось ${n} попытки.` }),
  test: 'Тестовый режим: всё не по-настоящему. Введите карту',
  errors: {
    number: {
      missing: 'Введите номер карты.',
      digits: 'В номере карты только цифры.',
      length: 'Не хватает цифр или есть лишние. Сверьте номер с картой.',
      check: 'Одна из цифр неверна. Сверьте номер с картой.',
    },
    expiry: {
      missing: 'Введите срок действия.',
      format: 'Введите месяц и год, как на карте, например 09 / 29.',
      past: 'Срок действия карты истёк. Введите другую карту.',
      far: 'Карты столько не действуют. Проверьте год.',
    },
    holder: {
      characters: 'Введите имя буквами, как на карте.',
      long: 'Слишком длинное имя. Введите его как на карте.',
    },
  },
  saved: { title: 'Карта сохранена', text: 'Выплаты будут приходить на эту карту. Страницу можно закрыть.' },
  used: { title: 'Карта уже сохранена', text: 'Ссылка работает один раз и своё дело сделала. Больше ничего делать не нужно.' },
  expired: { title: 'Срок действия ссылки истёк', text: 'Попросите новую там, где вы её получили.' },
  failed: { title: 'Слишком много попыток', text: 'Ради безопасности ссылка больше не работает. Попросите новую там, где вы её получили.' },
};

const kk: typeof en = {
  title: 'Картаңызды сақтаңыз',
  lead: (merchant) => `${merchant} төлейтін ақша осы картаға түседі.`,
  points: ['Ақша алынбайды: карта тек сақталады.', 'Нөмір бізге келген бойда шифрланады.', 'Сізге төлейтін компания тек алғашқы және соңғы цифрларды көреді.'],
  number: 'Карта нөмірі',
  expiry: 'Жарамдылық мерзімі',
  expiryExample: 'АА / ЖЖ',
  holder: 'Картадағы аты-жөні',
  optional: 'міндетті емес',
  save: 'Картаны сақтау',
  saving: 'Сақталуда…',
  safe: 'Деректер шифрланады. Ақша алынбайды.',
  cancel: 'Бас тартып, қайту',
  back: 'Сайтқа оралу',
  check: 'Карта деректерін тексеріңіз',
  again: 'Қауіпсіздігіңіз үшін нөмір бұл бетке қайтарылмайды, сондықтан оны қайта енгізіңіз.',
  triesLeft: (n) => `Тағы ${n} әрекет қалды.`,
  test: 'Сынақ режимі: мұнда ештеңе шын емес. Мына картаны енгізіңіз:',
  errors: {
    number: {
      missing: 'Карта нөмірін енгізіңіз.',
      digits: 'Карта нөмірінде тек цифрлар болады.',
      length: 'Цифрлар жетіспейді немесе артық. Нөмірді картамен салыстырыңыз.',
      check: 'Цифрлардың бірі қате. Нөмірді картамен салыстырыңыз.',
    },
    expiry: {
      missing: 'Жарамдылық мерзімін енгізіңіз.',
      format: 'Ай мен жылды картадағыдай енгізіңіз, мысалы 09 / 29.',
      past: 'Картаның мерзімі өтіп кеткен. Басқа картаны енгізіңіз.',
      far: 'Карта мұндай ұзақ жарамайды. Жылды тексеріңіз.',
    },
    holder: {
      characters: 'Аты-жөнін картадағыдай әріптермен енгізіңіз.',
      long: 'Аты-жөні тым ұзын. Картадағыдай енгізіңіз.',
    },
  },
  saved: { title: 'Карта сақталды', text: 'Төлемдер осы картаға түседі. Бетті жабуға болады.' },
  used: { title: 'Карта сақталып қойған', text: 'Сілтеме бір рет қана жұмыс істейді, ол өз ісін атқарды. Басқа ештеңе істеудің қажеті жоқ.' },
  expired: { title: 'Сілтеменің мерзімі өтті', text: 'Жаңасын осы сілтемені алған жерден сұраңыз.' },
  failed: { title: 'Тым көп әрекет жасалды', text: 'Қауіпсіздік үшін бұл сілтеме енді жұмыс істемейді. Жаңасын оны алған жерден сұраңыз.' },
};

export type CardWords = typeof en;
export const cardWords: Dictionary<CardWords> = { en, ru, kk };
