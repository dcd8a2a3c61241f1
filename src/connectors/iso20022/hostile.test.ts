import { expect, test } from 'vitest';
import { BankFileError } from './bank-file-error.ts';
import { readCamt } from './camt.ts';
import { bytesOf, everything } from './files.fixture.ts';
import { readPain002 } from './pain002.ts';
import type { Limits } from './reader.ts';

const NS = 'urn:iso:std:iso:20022:tech:xsd:camt.053.001.08';
const HEAD =
  '<BkToCstmrStmt><GrpHdr><MsgId>m</MsgId><CreDtTm>2026-03-05T10:00:00</CreDtTm></GrpHdr><Stmt><Id>s</Id><Acct><Id><IBAN>KZ86125KZT5004100100</IBAN></Id></Acct>';
const entry = ({ amount = '<Amt Ccy="KZT">100.05</Amt>', more = '' } = {}) =>
  `<Ntry>${amount}<CdtDbtInd>DBIT</CdtDbtInd><Sts><Cd>BOOK</Cd></Sts><BkTxCd/>${more}</Ntry>`;
const remitted = (text: string) => entry({ more: `<NtryDtls><TxDtls><RmtInf><Ustrd>${text}</Ustrd></RmtInf></TxDtls></NtryDtls>` });
const file = (inside: string) => `<?xml version="1.0" encoding="UTF-8"?>\n<Document xmlns="${NS}">${HEAD}${inside}</Stmt></BkToCstmrStmt></Document>`;
const utf16 = (text: string, mark: string) => Buffer.from(mark + text, 'utf16le');
const swapped = (bytes: Buffer) => Buffer.from(bytes).swap16();
const whole = file(entry());

const lines = async (text: string | Uint8Array, limits?: Partial<Limits>, size?: number) =>
  (await everything(readCamt(bytesOf(text, size), limits))).flatMap((item) => (item.kind === 'line' ? [item] : []));

const laughs = `<!DOCTYPE lolz [<!ENTITY a "ha">${[...'bcdefghij'].map((name, n) => `<!ENTITY ${name} "${`&${'abcdefghij'[n]};`.repeat(10)}">`).join('')}]>`;
const DECLARATION = '<?xml version="1.0" encoding="UTF-8"?>\n';

test.each<[string, string | Uint8Array, RegExp, number?, Partial<Limits>?]>([
  ['an external entity', whole.replace('<Document', '<!DOCTYPE a [<!ENTITY x SYSTEM "file:///etc/passwd">]>\n<Document'), /DOCTYPE/, 2],
  ['a billion laughs', `${DECLARATION}${laughs}<Document xmlns="${NS}">&j;</Document>`, /DOCTYPE/, 2],
  ['a DOCTYPE after a comment', whole.replace('<Document', '<!-- a\nb --> <!doctype a>\n<Document'), /DOCTYPE/, 3],
  ['a DOCTYPE that has no end', `<!DOCTYPE a [${'<!ENTITY a "b">'.repeat(1_000_000)}`, /DOCTYPE/, 1],
  ['a DOCTYPE inside', file('<!DOCTYPE a>'), /not well-formed/, 2],
  ['an entity of its own without a DOCTYPE', remittedFile('&x;'), /not well-formed XML: undefined entity/, 2],
  ['one long text', remittedFile('x'.repeat(10_000_000)), /longer than 65536/, 2],
  ['one long CDATA of tags', remittedFile(`<![CDATA[${'<a>'.repeat(3_000_000)}]]>`), /longer than 65536/, 2],
  ['one long text in many CDATA', remittedFile('<![CDATA[xxxxxxxxxxxxxxxx]]>'.repeat(10_000)), /longer than 65536/, 2],
  ['one long comment', file(`<!--${'<a>\n'.repeat(3_000_000)}-->`), /longer than 65536/],
  ['one long attribute', file(`<Id a="${'>'.repeat(10_000_000)}"/>`), /longer than 65536/, 2],
  ['one long name', file(`<${'a'.repeat(10_000_000)}/>`), /longer than 65536/, 2],
  ['a flood of numeric entities', remittedFile('&#65;'.repeat(1_000_000)), /longer than 65536/, 2],
  ['elements a hundred thousand deep', file('<a>'.repeat(100_000)), /64 deep/, 2],
  ['a million attributes', file(`<Id ${Array.from({ length: 1_000_000 }, (_, n) => `a${n}=""`).join(' ')}/>`), /longer than 65536/, 2],
  ['a thousand attributes', file(`<Id ${Array.from({ length: 1_000 }, (_, n) => `a${n}=""`).join(' ')}/>`), /more than 64 attributes/, 2],
  ['too many elements', file('<a/>'.repeat(10_001)), /more than 10000 elements/, 2, { maxNodes: 10_000 }],
  ['one part without end', entryFile(`<NtryDtls><TxDtls>${'<a/>'.repeat(3_000)}`), /TxDtls holds more than 2000 elements/, 2],
  ['one part with endless text', entryFile(`<NtryDtls><TxDtls>${`<a>${'x'.repeat(60_000)}</a>`.repeat(100)}`), /TxDtls holds more text/, 2],
  ['balances without end', file('<Bal/>'.repeat(2_000)), /more than 1000 parts/, 2],
  ['more bytes than are read', file(entry().repeat(1_000)), /larger than 10000 bytes/, 1, { maxBytes: 10_000 }],
  ['spaces without end', ' '.repeat(5_000_000), /first 16 KB/, 1],
  ['UTF-16 with a mark', utf16(whole, '\ufeff'), /not UTF-8/, 1],
  ['UTF-16, big end first', swapped(utf16(whole, '\ufeff')), /not UTF-8/, 1],
  ['UTF-16 without a mark', utf16(whole, ''), /not UTF-8/, 1],
  ['UTF-16, big end first, without a mark', swapped(utf16(whole, '')), /not UTF-8/, 1],
  ['UTF-7', whole.replace('UTF-8', 'UTF-7'), /"UTF-7"; only UTF-8/, 1],
  ['UTF-7 without a declaration', '+ADw-Document+AD4-', /does not begin with an XML element/, 1],
  ['windows-1251 that says so', whole.replace('UTF-8', 'windows-1251'), /"windows-1251"; only UTF-8/, 1],
  ['bytes that are not UTF-8', Buffer.concat([Buffer.from(`${DECLARATION}<Document xmlns="${NS}"><Id>\n`), Buffer.from([0xcf, 0xf0, 0xe8])]), /not UTF-8/],
  ['a file cut off in an amount', whole.slice(0, whole.indexOf('100.05') + 3), /cut off: Amt is not closed/, 2],
  ['a file cut off between entries', file(`\n${entry()}\n`).split('</Stmt>')[0] as string, /cut off: Stmt is not closed/, 4],
  ['a file cut off in a tag', whole.slice(0, -4), /cut off/, 2],
  ['a file cut off in its declaration', '<?xml version="1.0"', /ends before its first element/, 1],
  ['nothing', '', /ends before its first element/, 1],
  ['the wrong root', `<Dokument xmlns="${NS}"/>`, /root is Dokument/, 1],
  ['no namespace', whole.replace(` xmlns="${NS}"`, ''), /not Document of an ISO 20022 message/, 2],
  ['another message', whole.replace('camt.053', 'camt.060'), /is a camt.060.001.08, which is not what is read here/, 2],
  ['another message under this namespace', whole.replaceAll('BkToCstmrStmt', 'BkToCstmrAcctRpt'), /holds BkToCstmrAcctRpt/, 2],
  ['two roots', `${whole}\n${whole.replace(DECLARATION, '')}`, /only one root/, 3],
  ['text after the root', `${whole} and more`, /text data outside/, 2],
  ['a comment in an amount', entryFile('', '<Amt Ccy="KZT">1<!-- -->00.05</Amt>'), /Amt has a comment inside its value/, 2],
  ['an instruction in an amount', entryFile('', '<Amt Ccy="KZT">1<?x y?>00.05</Amt>'), /Amt has a comment inside its value/, 2],
  ['an element in an amount', entryFile('', '<Amt Ccy="KZT">1<b/>00.05</Amt>'), /Amt has text between its elements/, 2],
  ['two amounts', entryFile('', '<Amt Ccy="KZT">1.00</Amt><Amt Ccy="KZT">2.00</Amt>'), /Ntry has more than one Amt/, 2],
  ['an amount of another namespace', entryFile('', '<x:Amt xmlns:x="urn:x" Ccy="KZT">1.00</x:Amt>'), /x:Amt is of another namespace/, 2],
  ['the same attribute twice', entryFile('', '<Amt Ccy="KZT" Ccy="EUR">1.00</Amt>'), /not well-formed XML: duplicate attribute/, 2],
  ['NUL', remittedFile('a\0b'), /not well-formed XML: disallowed character/, 2],
  ['NUL as a number', remittedFile('&#0;'), /not well-formed XML: malformed character entity/, 2],
  ['XML 1.1, which has control characters', remittedFile('&#1;').replace('version="1.0"', 'version="1.1"'), /not well-formed XML/, 2],
  ['text between elements', file(`sneaky${entry()}`), /text between its elements/, 2],
  ['tags that cross', file('<a><b></a></b>'), /not well-formed/, 2],
])('refused, with the line and soon: %s', async (_, text, why, line, limits) => {
  const began = performance.now();
  const error = await lines(text, limits, 65_536).then(
    () => undefined,
    (thrown: unknown) => thrown,
  );
  expect(performance.now() - began).toBeLessThan(2_000);
  expect(error).toBeInstanceOf(BankFileError);
  expect((error as BankFileError).message).toMatch(why);
  expect((error as BankFileError).line).toBeGreaterThan(0);
  if (line) expect((error as BankFileError).line).toBe(line);
});

function remittedFile(text: string): string {
  return file(remitted(text));
}
function entryFile(more: string, amount?: string): string {
  return file(entry({ more, amount }));
}

test('what is only unusual is read as it is meant', async () => {
  expect(await lines(remittedFile('<![CDATA[<!DOCTYPE a> & <b>]]>'))).toMatchObject([{ remittance: '<!DOCTYPE a> & <b>' }]);
  expect(await lines(remittedFile('&lt;!ENTITY&gt; &#x41;&#66;<!-- aside -->'.replace('<!-- aside -->', '')))).toMatchObject([{ remittance: '<!ENTITY> AB' }]);
  expect(await lines(`\ufeff${whole}`)).toMatchObject([{ amount: 100_05n }]);
  expect(await lines(entryFile('', '<!-- <!DOCTYPE> --><Amt Ccy="KZT">\n <![CDATA[100.05]]> </Amt>'))).toMatchObject([{ amount: 100_05n }]);
  expect(await lines(entryFile('<SplmtryData><Envlp><x:Amt xmlns:x="urn:x">9<b/></x:Amt></Envlp></SplmtryData>'))).toMatchObject([{ amount: 100_05n }]);
  expect(await lines(whole.replaceAll(/<(\/?)(?=\w)/g, '<$1n:').replace('xmlns=', 'xmlns:n='))).toMatchObject([{ amount: 100_05n }]);
  expect(await lines(whole.replaceAll('\n', '\r\n'))).toMatchObject([{ amount: 100_05n }]);
});

test('a file is the same in whatever pieces it comes', async () => {
  const text = `\ufeff${file(remitted('Қазақстан 🎉 &amp; ё\r\n'))}`;
  const [expected] = await lines(text);
  for (const size of [1, 2, 3, 5, 7, 100]) expect(await lines(text, {}, size)).toEqual([expected]);
});

test('whoever stops early closes the source, and nothing is read ahead of who asks', async () => {
  let [given, isClosed] = [0, false];
  async function* source() {
    try {
      yield Buffer.from(whole.split('<Ntry>')[0] as string);
      for (;;) {
        given += 1;
        yield Buffer.from(entry().repeat(10));
      }
    } finally {
      isClosed = true;
    }
  }
  let taken = 0;
  for await (const item of readCamt(source())) {
    if (item.kind === 'line') taken += 1;
    if (taken === 25) break;
  }
  expect(given).toBe(3);
  expect(isClosed).toBe(true);
});

test('a failing source fails the reading', async () => {
  async function* source() {
    yield Buffer.from(whole.slice(0, 100));
    throw new Error('the disk is gone');
  }
  await expect(everything(readPain002(source()))).rejects.toThrow('the disk is gone');
  await expect(everything(readCamt(source()))).rejects.toThrow('the disk is gone');
});
