import fc from 'fast-check';
import { SaxesParser } from 'saxes';
import { expect, test } from 'vitest';
import { Markup, type Told } from './markup.ts';

/** What was told, each with its line; texts that follow one another are one, since they may come in pieces. */
class Heard {
  readonly events: { what: string; line: number }[] = [];

  add(what: string, line: number): void {
    const last = this.events.at(-1);
    if (what.startsWith('text ') && last?.what.startsWith('text ')) Object.assign(last, { what: last.what + what.slice(5), line });
    else this.events.push({ what, line });
  }

  /** Whether the text before a refusal was told already is nobody's concern. */
  refused(line: number): this {
    if (this.events.at(-1)?.what.startsWith('text ')) this.events.pop();
    this.add('refused', line);
    return this;
  }
}
class Refused extends Error {}

/** What the parser alone makes of a file. */
function judged(pieces: string[]): Heard {
  const heard = new Heard();
  const parser = new SaxesParser({ xmlns: true, position: false, defaultXMLVersion: '1.0', forceXMLVersion: true });
  const tell = (what: string) => heard.add(what, parser.line);
  parser.on('error', () => {
    throw new Refused();
  });
  parser.on('opentag', ({ local, uri, name, attributes }) => {
    const own = Object.values(attributes).map((one) => [one.uri, one.local, one.value]);
    tell(`open ${name} ${local} ${uri} ${own.length} ${JSON.stringify(own.filter(([uri]) => uri === '').map(([, local, value]) => [local, value]))}`);
  });
  parser.on('closetag', () => tell('close'));
  for (const name of ['text', 'cdata'] as const) parser.on(name, (text) => text && tell(`text ${text}`));
  for (const name of ['comment', 'processinginstruction'] as const) parser.on(name, () => tell('aside'));
  try {
    for (const piece of pieces) parser.write(piece);
    parser.close();
    return heard;
  } catch (error) {
    if (!(error instanceof Refused)) throw error;
    return heard.refused(parser.line);
  }
}

/** What is made of it here. */
function read(pieces: string[]): Heard {
  const heard = new Heard();
  const told: Told = {
    open: (name, uri, attributes, count, written) =>
      heard.add(`open ${written} ${name} ${uri} ${count} ${JSON.stringify([...(attributes ?? [])])}`, markup.line),
    close: () => heard.add('close', markup.line),
    text: (text) => text && heard.add(`text ${text}`, markup.line),
    aside: () => heard.add('aside', markup.line),
    refuse: () => {
      throw new Refused();
    },
  };
  const markup = new Markup(told, 10_000);
  try {
    for (const piece of pieces) markup.write(piece);
    markup.close();
    return heard;
  } catch (error) {
    if (!(error instanceof Refused)) throw error;
    return heard.refused(markup.line);
  }
}

const TEXTS = [
  'abc',
  'Әлем 🎉',
  ' ',
  '\n',
  '\r\n',
  '\r',
  '\t',
  '&amp;',
  '&lt;!--',
  '&quot;&apos;&gt;',
  '&#65;',
  '&#x41;',
  '"',
  "'",
  '>',
  ']',
  ']]',
  '\u0085\u2028',
];
const ODD = [
  '<![CDATA[<a>]]>',
  '<![CDATA[',
  ']]>',
  '<!-- <a> -->',
  '<!-- - > -->',
  '<!--',
  '-->',
  '<?p q>?>',
  '<?p ?>',
  '&x;',
  '&amp',
  '&',
  '&#0;',
  '\u0001',
  '\uffff',
];
const TAGS = [
  '<',
  '</',
  '<!',
  '<!DOCTYPE a>',
  '<a',
  '<a b',
  '<a b=',
  '<a b="',
  '/>',
  '</a>',
  '</b>',
  '</p:b>',
  '</r>',
  '< a>',
  '<1/>',
  '<a.b-c_1/>',
  '<é/>',
  '</a >',
];
const ATTRIBUTES = [
  ...['', '', '', ' ', '\n', ' b="1"', ' Ccy="KZT"', " b='1'", ' b = "1"', ' b=""', ' b="x>y"', ' b="&amp;"', ' b="<"', ' b="a\tb"', ' b="a\nb"', ' b="ж"'],
  ...[
    ' b="1" c="2"',
    ' b="1" b="2"',
    ' b="1"c="2"',
    ' xmlns="u"',
    ' xmlns=""',
    ' xmlns:p="v"',
    ' xml:lang="kk"',
    ' xmlns-b="1"',
    ' p:b="1"',
    ' b',
    ' b=1',
    ' b="\uffff"',
  ],
];
const drawn = (from: string[]) => fc.constantFrom(...from);
const mostly = (usual: fc.Arbitrary<string>, odd: fc.Arbitrary<string>) => fc.oneof({ weight: 12, arbitrary: usual }, { weight: 1, arbitrary: odd });
const partsOf = (inner: fc.Arbitrary<string>) =>
  fc.array(mostly(fc.oneof(inner, inner, drawn(TEXTS)), drawn([...ODD, ...TAGS])), { maxLength: 5 }).map((parts) => parts.join(''));
const elementOf = (inside: fc.Arbitrary<string>) =>
  fc
    .tuple(drawn(['a', 'a', 'b', 'Amt', 'p:b', 'CdtTrfTxInf']), mostly(fc.constantFrom('', '', ' Ccy="KZT"'), drawn(ATTRIBUTES)), inside)
    .map(([name, attributes, inside]) => (inside === '' ? `<${name}${attributes}/>` : `<${name}${attributes}>${inside}</${name}>`));
const leaf = elementOf(fc.oneof(drawn(TEXTS), fc.constant('')));
const content = partsOf(fc.oneof(leaf, elementOf(partsOf(fc.oneof(leaf, elementOf(partsOf(leaf)))))));
const roots = [
  '<r xmlns="n">|</r>',
  '<r xmlns="n" xmlns:p="n">|</r>',
  '<r xmlns="n" xmlns:p="m">|</r>\n',
  '<p:r xmlns:p="n">|</p:r>',
  '<?xml version="1.0"?>\n<r>|</r><!-- -->',
  '<r>|',
];
const files = fc.tuple(drawn(roots), content, fc.array(fc.nat({ max: 30 }), { maxLength: 20 })).map(([root, inside, sizes]) => {
  const text = root.replace('|', () => inside);
  const pieces: string[] = [];
  let at = 0;
  for (const size of sizes) pieces.push(text.slice(at, (at += size)));
  return [...pieces, text.slice(at)].filter(Boolean);
});

test('what is read here is what the parser alone makes of it, in whatever pieces: the same events, in the same lines, and the same refusals', () => {
  let [good, bad] = [0, 0];
  fc.assert(
    fc.property(files, (pieces) => {
      const expected = judged(pieces);
      expect(read(pieces).events).toEqual(expected.events);
      if (expected.events.at(-1)?.what === 'refused') bad++;
      else good++;
    }),
    { numRuns: 5_000, seed: 11 },
  );
  expect(Math.min(good, bad)).toBeGreaterThan(500); // or nothing was shown
});
