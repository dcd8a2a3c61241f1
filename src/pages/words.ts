import type { Dictionary } from './languages.ts';

const en = {
  language: 'Language',
  testMode: 'Test mode',
  unknown: { title: 'Page not found', text: 'Check the link: it may have been copied in part.' },
  foreign: { title: 'Sent from elsewhere', text: 'The form was sent from another site, so nothing was done. Open the link again and fill it in here.' },
  unreadable: { title: 'Nothing was received', text: 'What was sent cannot be read. Open the link again and fill in the form.' },
  busy: {
    title: 'One moment, please',
    text: 'We cannot finish this right now. Open the link again in a minute: it will show what has been done already.',
  },
  broken: { title: 'Something went wrong', text: 'The mistake is ours. Open the link again: it will show what has been done already.' },
};

const ru: typeof en = {
  language: 'Язык',
  testMode: 'Тестовый режим',
  unknown: { title: 'Страница не найдена', text: 'Проверьте ссылку: возможно, она скопирована не полностью.' },
  foreign: {
    title: 'Отправлено с другого сайта',
    text: 'Форма отправлена с другого сайта, поэтому мы ничего не сделали. Откройте ссылку ещё раз и заполните форму здесь.',
  },
  unreadable: { title: 'Ничего не получено', text: 'Не удалось прочитать отправленное. Откройте ссылку ещё раз и заполните форму.' },
  busy: { title: 'Подождите немного', text: 'Сейчас закончить не получается. Откройте ссылку ещё раз через минуту: там будет видно, что уже сделано.' },
  broken: { title: 'Что-то пошло не так', text: 'Это наша ошибка. Откройте ссылку ещё раз: там будет видно, что уже сделано.' },
};

const kk: typeof en = {
  language: 'Тіл',
  testMode: 'Сынақ режимі',
  unknown: { title: 'Бет табылмады', text: 'Сілтемені тексеріңіз: ол толық көшірілмеген болуы мүмкін.' },
  foreign: {
    title: 'Басқа сайттан жіберілді',
    text: 'Пішін басқа сайттан жіберілгендіктен, ештеңе жасалмады. Сілтемені қайта ашып, пішінді осында толтырыңыз.',
  },
  unreadable: { title: 'Ештеңе алынбады', text: 'Жіберілген деректерді оқу мүмкін болмады. Сілтемені қайта ашып, пішінді толтырыңыз.' },
  busy: {
    title: 'Сәл күте тұрыңыз',
    text: 'Дәл қазір аяқтау мүмкін болмай тұр. Сілтемені бір минуттан кейін қайта ашыңыз: не жасалғаны сол жерде көрінеді.',
  },
  broken: { title: 'Бірдеңе дұрыс болмады', text: 'Бұл — біздің қате. Сілтемені қайта ашыңыз: не жасалғаны сол жерде көрінеді.' },
};

/** What any hosted page may have to say. */
export const pageWords: Dictionary<typeof en> = { en, ru, kk };
