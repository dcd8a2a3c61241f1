import { readdirSync, readFileSync, statSync } from 'node:fs';
import { dirname, join, relative, resolve } from 'node:path';
import { expect, test } from 'vitest';
import { root } from '../src/root.ts';

const src = join(root, 'src');
const files = (folder: string): string[] =>
  readdirSync(folder).flatMap((name) => (statSync(join(folder, name)).isDirectory() ? files(join(folder, name)) : [join(folder, name)]));
const product = files(src).filter((file) => /\.tsx?$/.test(file) && !/\.(test|fixture)\.tsx?$/.test(file) && !/\/testing\.ts$/.test(file));
const name = (file: string) => relative(src, file).replaceAll('\\', '/');

/** The floors of the house, from the top. A file imports from its own floor or from one below; rooms of one floor do not know each other. */
const floors: { name: string; has: RegExp; apart?: boolean }[] = [
  { name: 'faces', has: /^(cli\/|app\.ts$|main\.ts$)/ },
  { name: 'rooms', has: /^(payouts|cards|distributions|wallet)\//, apart: true },
  { name: 'records', has: /^(merchants|customers|transactions|vault|webhooks|audit|pages|sending|bankfiles|beneficiaries|splits|invoices)\// },
  { name: 'base', has: /^(http|ledger|work|db|connectors|embedded|sandbox|net)\/|^(groups|machine|net|clock|log|metrics|sealing|config|root)\.ts$/ },
  { name: 'words', has: /^(money|errors|ids|ports|kazakhstan)\.ts$|^kazakhstan\// },
];
/** Known exceptions, each with its reason. */
const allowed: Record<string, string> = {
  'http/auth.ts → merchants/keys.ts': 'who asks is a merchant’s key: the frame of HTTP reads what the record defines',
  'http/auth.ts → merchants/merchants.ts': 'the same',
  'http/room.ts → merchants/keys.ts': 'the scopes that a route may ask for',
  'machine.ts → webhooks/events.ts': 'a change of state and its event are one row, and the journal is kept there',
};

const floorOf = (file: string) => floors.findIndex(({ has }) => has.test(file));
const imports = (file: string): string[] =>
  [...readFileSync(file, 'utf8').matchAll(/^(?:import|export)[^;]*?from '(\.[^']+)';/gms)].map(([, to]) => name(resolve(dirname(file), to as string)));

test('every file has a floor', () => {
  expect(product.map(name).filter((file) => floorOf(file) < 0)).toEqual([]);
});

test('imports go down, and rooms do not know each other', () => {
  const wrong = product.flatMap((file) =>
    imports(file).flatMap((to) => {
      const [from, target] = [floorOf(name(file)), floorOf(to)];
      const apart = from === target && floors[from]?.apart && name(file).split('/')[0] !== to.split('/')[0];
      return (target < from || apart) && !allowed[`${name(file)} → ${to}`] ? [`${name(file)} → ${to}`] : [];
    }),
  );
  expect(wrong).toEqual([]);
});

/** Time, chance and the outside have doors; these files are the doors, or run beside the house. */
const doors = /^(clock|net)\.ts$|^net\/|^embedded\/|^cli\/|^db\/session\.ts$|^config\.ts$|^pages\/|^cards\/script\.ts$/;
const forbidden: [RegExp, string][] = [
  [/\bDate\.now\(/, 'Clock'],
  [/\bnew Date\(\)/, 'Clock'],
  [/\bMath\.random\(/, 'Random'],
  [/\b(?:setTimeout|setInterval)\(/, 'Clock.sleep'],
  [/(?<![.\w])fetch\(/, 'Net'],
  [/\brandom(?:UUID|Bytes|Int)\(/, 'Random or Ids'],
  [/\bperformance\.now\(/, 'Clock.monotonic'],
  [/\bconsole\.\w+\(/, 'Log'],
];

test('time, chance and the outside come through ports', () => {
  const wrong = product
    .filter((file) => !doors.test(name(file)))
    .flatMap((file) =>
      forbidden.flatMap(([pattern, instead]) =>
        pattern.test(withoutComments(readFileSync(file, 'utf8'))) ? [`${name(file)}: ${pattern.source} (use ${instead})`] : [],
      ),
    );
  expect(wrong).toEqual([]);
});

test('business SQL takes its time as a parameter, and no statement is put together from strings', () => {
  const texts = product.flatMap((file) =>
    [...readFileSync(file, 'utf8').matchAll(/sql`([^`]*)`/gs)].map(([, text]) => [name(file), (text as string).replaceAll(/\$\{[^}]*\}/g, '?')] as const),
  );
  expect(texts.length).toBeGreaterThan(60); // or this test reads nothing
  expect(texts.filter(([, text]) => /\bnow\(\)|current_timestamp|clock_timestamp|gen_random_uuid/i.test(text)).map(([file]) => file)).toEqual([]);
});

test('a name says what a file is for', () => {
  expect(product.map(name).filter((file) => /(^|\/)(utils?|helpers?|common|shared|types|misc)(\/|\.)/.test(file))).toEqual([]);
});

const withoutComments = (text: string) => text.replace(/\/\*[\s\S]*?\*\/|(?<!:)\/\/.*$/gm, '');
