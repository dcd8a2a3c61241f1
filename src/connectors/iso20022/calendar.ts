import type Holidays from 'date-holidays';
import { assert } from '../../errors.ts';
import { isDate } from './xml.ts';

export interface CalendarOptions {
  /** days on which banks rest by a decree of the year, or because the moon put Kurban Ait elsewhere; YYYY-MM-DD */
  extraDaysOff?: readonly string[];
  /** days on which banks work though they are a weekend or a holiday; wins over everything */
  extraWorkingDays?: readonly string[];
}

const ALMATY = 'Asia/Almaty';
const DAY = 24 * 60 * 60 * 1000;
/** The library's table of the Islamic calendar ends in 2076. */
const YEARS = { from: 2000, to: 2076 };

/**
 * The days on which Kazakh banks work, and the day that a payment belongs to. Days are texts such as 2026-03-21, in Almaty.
 *
 * Holidays are those of `date-holidays`. A holiday of the law that falls on a weekend is made up for on the next working day
 * (labour code, article 84), which is reckoned here: the library gives two holidays the same day when they meet a third.
 * Orthodox Christmas and Kurban Ait are not made up for. What the government moves by decree is in no library: see the options.
 *
 * The library has every country and takes a third of a second to load, so it is loaded when a calendar is first made.
 */
export async function kazakhCalendar(options: CalendarOptions = {}): Promise<BankCalendar> {
  const { default: Library } = await import('date-holidays');
  return new BankCalendar(new Library('KZ', { timezone: ALMATY, types: ['public'] }), options);
}

export class BankCalendar {
  private readonly library: Holidays;
  private readonly off: ReadonlySet<string>;
  private readonly on: ReadonlySet<string>;
  private readonly years = new Map<number, ReadonlySet<string>>();

  constructor(library: Holidays, { extraDaysOff = [], extraWorkingDays = [] }: CalendarOptions) {
    for (const day of [...extraDaysOff, ...extraWorkingDays]) assert(isDate(day), `a day of the calendar's configuration is a date: ${day}`);
    this.library = library;
    [this.off, this.on] = [new Set(extraDaysOff), new Set(extraWorkingDays)];
  }

  isBankDay(day: string): boolean {
    assert(isDate(day), 'a day is a date such as 2026-03-21');
    if (this.on.has(day)) return true;
    return !this.off.has(day) && !isWeekend(day) && !this.daysOff(Number(day.slice(0, 4))).has(day);
  }

  /** The first bank day after a day. */
  nextBankDay(day: string): string {
    let next = dayAfter(day);
    while (!this.isBankDay(next)) next = dayAfter(next);
    return next;
  }

  /**
   * The day on which a payment is executed that is handed in at an instant: this day when it is a bank day and earlier than the
   * cut-off, the next bank day otherwise. At the cut-off to the second is too late.
   * @param cutOff 'HH:MM' on the clocks of Almaty
   */
  valueDate(at: Date, cutOff: string): string {
    assert(/^(?:[01]\d|2[0-3]):[0-5]\d$/.test(cutOff), 'a cut-off is a time such as 16:30');
    const { day, time } = inAlmaty(at);
    return time < cutOff && this.isBankDay(day) ? day : this.nextBankDay(day);
  }

  /** Holidays of a year and the days that make up for them. */
  private daysOff(year: number): ReadonlySet<string> {
    const known = this.years.get(year);
    if (known) return known;
    assert(year >= YEARS.from && year <= YEARS.to, `the calendar knows the years ${YEARS.from} to ${YEARS.to}`);
    const holidays = this.library.getHolidays(year, 'en').filter(({ substitute }) => !substitute);
    const off = new Set(holidays.map(({ date }) => date.slice(0, 10)));
    // The library's rule of a holiday names weekdays when the law makes up for it.
    const madeUpFor = holidays.filter(({ date, rule }) => / if \w+day/.test(rule) && isWeekend(date.slice(0, 10)));
    for (const { date } of madeUpFor) {
      let instead = dayAfter(date.slice(0, 10));
      while (isWeekend(instead) || off.has(instead)) instead = dayAfter(instead);
      off.add(instead);
    }
    this.years.set(year, off);
    return off;
  }
}

const asUtc = (day: string): Date => new Date(`${day}T00:00:00Z`);
const dayAfter = (day: string): string => new Date(asUtc(day).getTime() + DAY).toISOString().slice(0, 10);
const isWeekend = (day: string): boolean => [0, 6].includes(asUtc(day).getUTCDay());

const clocks = new Intl.DateTimeFormat('en-GB', {
  ...({ timeZone: ALMATY, hourCycle: 'h23' } as const),
  ...({ year: 'numeric', month: '2-digit', day: '2-digit', hour: '2-digit', minute: '2-digit' } as const),
});

/** Day and time on the clocks of Almaty: UTC+6 until March 2024, UTC+5 since, by the zone's own history. */
export function inAlmaty(at: Date): { day: string; time: string } {
  const part = Object.fromEntries(clocks.formatToParts(at).map(({ type, value }) => [type, value]));
  return { day: `${part.year}-${part.month}-${part.day}`, time: `${part.hour}:${part.minute}` };
}
