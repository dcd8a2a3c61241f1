import { describe, expect, test } from 'vitest';
import { validBin, validIin, validKzIban } from './kazakhstan.fixture.ts';
import {
  bankOfIban,
  bicProblem,
  binOrIinProblem,
  binProblem,
  checkDigitOf,
  ibanProblem,
  iinProblem,
  kbeProblem,
  knpProblem,
  normalizedBic,
  normalizedIban,
} from './kazakhstan.ts';
import { phoneNumber } from './kazakhstan/phone.ts';

const strict = { checkDigit: true };
const loose = { checkDigit: false };
const seeds = Array.from({ length: 2_000 }, (_, at) => at * 4_999);

/** The eleven digits with the check digit that is theirs. */
const withCheckDigit = (eleven: string) => `${eleven}${String(checkDigitOf(eleven))}`;

describe('personal numbers', () => {
  // Examples of kaz-person-id and other public validators.
  test.each(['871008401427', '760212350620', '800416300257', '680503450037', '791028302728', '061211600012', '800416100254', '680503250034'])(
    'the published %s is valid',
    (iin) => {
      expect(iinProblem(iin, strict)).toBeUndefined();
    },
  );

  test('any other last digit is wrong', () => {
    for (const digit of '012345689') expect(iinProblem(`87100840142${digit}`, strict)).toMatch(/check digit/);
  });

  test('a remainder of 10 goes to the second pass, and a number without a check digit is never valid', () => {
    const series = Array.from({ length: 10_000 }, (_, at) => `9001013${String(at).padStart(4, '0')}`);
    const firstPass = (eleven: string) => [...eleven].reduce((sum, digit, at) => sum + Number(digit) * (at + 1), 0) % 11;
    const second = series.filter((eleven) => firstPass(eleven) === 10);
    expect(second.length).toBeGreaterThan(800);
    expect(second.some((eleven) => checkDigitOf(eleven) !== undefined)).toBe(true);
    const without = second.filter((eleven) => checkDigitOf(eleven) === undefined);
    expect(without.length).toBeGreaterThan(50);
    for (const digit of '0123456789') expect(iinProblem(`${without[0]}${digit}`, strict)).toMatch(/check digit/);
  });

  test('the date is one of the calendar, in the century of the seventh digit', () => {
    expect(iinProblem(withCheckDigit('87133130012'), strict)).toMatch(/date of birth/);
    expect(iinProblem(withCheckDigit('87023030015'), strict)).toMatch(/date of birth/);
    expect(iinProblem(withCheckDigit('00022930012'), strict)).toMatch(/date of birth/); // 1900 had no 29 February
    expect(iinProblem(withCheckDigit('00022950012'), strict)).toBeUndefined(); // 2000 had
  });

  test('0 in the seventh place is a foreigner’s, 7 to 9 nobody’s', () => {
    expect(iinProblem(withCheckDigit('87100800012'), strict)).toBeUndefined();
    for (const digit of '789') expect(iinProblem(withCheckDigit(`871008${digit}0012`), strict)).toMatch(/seventh digit/);
  });

  test.each(['', '87100840142', '8710084014270', '87100840142a', ' 871008401427', '871008401427\n', '８71008401427'])('%j is not twelve digits', (text) => {
    expect(iinProblem(text, strict)).toMatch(/12 digits/);
    expect(iinProblem(text, loose)).toMatch(/12 digits/);
  });

  test('without the check digit, twelve digits are enough', () => {
    expect(iinProblem('999999999999', loose)).toBeUndefined();
  });
});

describe('business numbers', () => {
  // Published by their owners, by way of python-stdnum's tests.
  test.each(['940140000385', '171140900016', '101241001053', '141040030110', '090440021657', '210740028187', '990140004654', '971240001315'])(
    'the published %s is valid',
    (bin) => {
      expect(binProblem(bin, strict)).toBeUndefined();
    },
  );

  test('the seed’s example passes by its shape alone', () => {
    expect(binProblem('123456789012', loose)).toBeUndefined();
    expect(binProblem('123456789012', strict)).toBeDefined();
  });

  test('month, type and part are looked at before the check digit', () => {
    expect(binProblem(withCheckDigit('94134000038'), strict)).toMatch(/put together/);
    expect(binProblem(withCheckDigit('94007000038'), strict)).toMatch(/put together/);
    expect(binProblem(withCheckDigit('94014400038'), strict)).toMatch(/put together/);
    expect(binProblem('940140000386', strict)).toMatch(/check digit/);
  });

  test('a person’s number is named as such, and is right where either may stand', () => {
    expect(binProblem('871008401427', strict)).toMatch(/IIN/);
    expect(binOrIinProblem('871008401427', strict)).toBeUndefined();
    expect(binOrIinProblem('940140000385', strict)).toBeUndefined();
    expect(binOrIinProblem('871008401428', strict)).toMatch(/check digit/);
    expect(binOrIinProblem('12', loose)).toMatch(/12 digits/);
  });
});

describe('accounts', () => {
  test.each(['KZ86125KZT5004100100', 'KZ563190000012344567', 'DE89370400440532013000', 'GB29NWBK60161331926819', 'NL91ABNA0417164300'])(
    '%s is valid',
    (iban) => {
      expect(ibanProblem(iban)).toBeUndefined();
    },
  );

  test('lower case and spaces are accepted and taken away', () => {
    expect(normalizedIban(' kz86 125k\u00a0zt50 0410 0100 ')).toBe('KZ86125KZT5004100100');
    expect(ibanProblem('kz86 125k zt50 0410 0100')).toBeUndefined();
  });

  test('it is said what is wrong', () => {
    expect(ibanProblem('KZ86125KZT500410010')).toBe('must have 20 characters in this country');
    expect(ibanProblem('DE8937040044053201300')).toBe('must have 22 characters in this country');
    expect(ibanProblem('KZ87125KZT5004100100')).toMatch(/check digits/);
    expect(ibanProblem('KZ86A25KZT5004100100')).toMatch(/letters where/);
    for (const text of ['', 'XX86125KZT5004100100', 'US86125', '86125']) expect(ibanProblem(text)).toMatch(/country/);
    expect(ibanProblem('КZ86125KZT5004100100')).toMatch(/Cyrillic/); // its K is Cyrillic
  });

  test('check digits that no IBAN has are wrong, though the checksum takes them', () => {
    const with97 = seeds.map((seed) => validKzIban(seed)).find((iban) => iban.startsWith('KZ97')) as string;
    expect(ibanProblem(with97)).toBeUndefined();
    expect(ibanProblem(with97.replace('KZ97', 'KZ00'))).toMatch(/check digits/);
  });

  test('the bank is known by the code in the account', () => {
    expect(bankOfIban('KZ86125KZT5004100100')).toEqual({ code: '125', name: 'National Bank of Kazakhstan', bic: 'NBRKKZKX' });
    expect(bankOfIban('KZ738562204140586741')?.bic).toBe('KCJBKZKX');
    expect(bankOfIban(validKzIban(1))?.name).toBe('Kaspi Bank');
    expect(bankOfIban(validKzIban(1, '111'))).toBeUndefined();
    expect(bankOfIban('DE89722400440532013000')).toBeUndefined();
  });

  test('every bank’s BIC is one', () => {
    const codes = Array.from({ length: 1_000 }, (_, at) => String(at).padStart(3, '0'));
    const banks = codes.flatMap((code) => bankOfIban(validKzIban(1, code)) ?? []);
    expect(banks.length).toBeGreaterThan(20);
    expect(banks.filter(({ bic, code }) => bicProblem(bic) || !bic.includes('KZ') || !codes.includes(code))).toEqual([]);
    expect(new Set(banks.map(({ bic }) => bic)).size).toBe(banks.length);
  });

  test('a BIC has 8 or 11 characters and a country', () => {
    for (const bic of ['KCJBKZKX', 'kcjbkzkx', 'CASPKZKAXXX', ' NBRKKZKX ']) expect(bicProblem(bic), bic).toBeUndefined();
    for (const bic of ['', 'KCJBKZK', 'KCJBKZKXX', 'KCJBXXKX', 'KCJB KZ KX', '12345678']) expect(bicProblem(bic), bic).toMatch(/8 or 11/);
    expect(normalizedBic(' kcjbkzkx')).toBe('KCJBKZKX');
  });
});

test('a code of the beneficiary is residency and sector, a purpose three digits', () => {
  for (const kbe of ['11', '17', '19', '27', '29']) expect(kbeProblem(kbe), kbe).toBeUndefined();
  for (const kbe of ['', '1', '10', '01', '37', '170', 'a7']) expect(kbeProblem(kbe), kbe).toMatch(/two digits/);
  for (const knp of ['000', '119', '710', '999']) expect(knpProblem(knp), knp).toBeUndefined();
  for (const knp of ['', '19', '1190', '11a', ' 119']) expect(knpProblem(knp), knp).toMatch(/three digits/);
});

describe('phone numbers', () => {
  test.each(['8 (701) 234-56-78', '+7 701 234 56 78', '7012345678', '87012345678', '77012345678', ' +7(701)2345678 '])('%j is +77012345678', (text) => {
    expect(phoneNumber(text)).toEqual({ e164: '+77012345678' });
  });

  test('another country’s is taken when it says so', () => {
    expect(phoneNumber('+44 20 7946 0958')).toEqual({ e164: '+442079460958' });
  });

  test.each(['', '12', '+7 000 234 56 78', '+7 701 234 56 789', 'call 87012345678 now', 'abc'])('%j is none', (text) => {
    expect(phoneNumber(text)).toHaveProperty('problem', expect.stringContaining('phone number'));
  });

  test('an extension is refused rather than lost', () => {
    expect(phoneNumber('+7 7172 12 34 56 ext 5')).toHaveProperty('problem', expect.stringContaining('extension'));
  });
});

test('no message repeats what was given', () => {
  const given = ['871008401428', '940140000386', '941340000380', 'KZ87125KZT5004100100', 'KCJBKZK', '371', '1190', '+7 000 234 56 78'];
  const phoneProblem = (text: string) => {
    const answer = phoneNumber(text);
    return 'problem' in answer ? answer.problem : undefined;
  };
  const said = given.flatMap((text) =>
    [iinProblem(text, strict), binProblem(text, strict), ibanProblem(text), bicProblem(text), kbeProblem(text), knpProblem(text), phoneProblem(text)].map(
      (problem) => [text, problem] as const,
    ),
  );
  expect(said.filter(([, problem]) => problem).length).toBeGreaterThan(30);
  expect(said.filter(([text, problem]) => problem?.includes(text))).toEqual([]);
});

test('the numbers for tests are valid and different', () => {
  expect(seeds.filter((seed) => iinProblem(validIin(seed), strict) ?? binProblem(validBin(seed), strict) ?? ibanProblem(validKzIban(seed)))).toEqual([]);
  for (const make of [validIin, validBin, validKzIban]) expect(new Set(seeds.map((seed) => make(seed))).size).toBe(seeds.length);
});
