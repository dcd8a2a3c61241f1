/** judge-clients.ts: what clients were told against what is there: once, as it was said, and without a trace where it was refused. */
import { createHash } from 'node:crypto';
import type { Findings } from './findings.ts';
import { type Answered, type Intent, type Lost, readJournals } from './journal.ts';
import { type Evidence, grouped, type PayoutRow } from './judge.ts';
import type { Merchant, Platform } from './platform.ts';

/** A request and what came of it, once or several times. */
interface Asked extends Intent {
  outcome: Answered | Lost | undefined;
}

export interface ClientFigures {
  /** keys of which an answer was lost at least once */
  unknown: number;
  /** of these: the work had been done, and had not */
  done: number;
  notDone: number;
  /** answers that were given again */
  replayed: number;
  conflicts: number;
  refused: number;
}

export interface Said {
  asked: Asked[];
  /** what clients put in, by merchant and currency */
  toppedUp: Map<string, bigint>;
}

/** What the clients have written down. */
export function readSaid(folder: string): Said {
  const asked = new Map<string, Asked>();
  for (const entry of readJournals(folder, 'client')) {
    if (entry.kind === 'intent') asked.set(entry.id, { ...entry, outcome: undefined });
    const request = entry.kind === 'answer' || entry.kind === 'lost' ? asked.get(entry.id) : undefined;
    if (request) request.outcome = entry as Answered | Lost;
  }
  const toppedUp = new Map<string, bigint>();
  const topups = grouped(
    [...asked.values()].filter(({ path }) => path.endsWith('/topup')),
    ({ merchant, key }) => `${merchant}/${key}`,
  );
  for (const [first] of topups.values()) {
    if (!first) continue;
    const { amount, currency } = JSON.parse(first.body) as { amount: number; currency: string };
    const book = `${first.merchant} ${currency}`;
    toppedUp.set(book, (toppedUp.get(book) ?? 0n) + BigInt(amount));
  }
  return { asked: [...asked.values()], toppedUp };
}

interface StoredAnswer {
  merchant: string;
  route: string;
  key: string;
  status: number;
  sha: string;
  object: string | null;
}

export async function judgeClients(evidence: Evidence, { asked }: Said): Promise<ClientFigures> {
  const { platform, findings, payouts } = evidence;
  const merchants = new Map(platform.merchants.map((merchant) => [merchant.name as string, merchant]));
  const rows = await platform.database.ask<StoredAnswer>(
    `select merchant_id as merchant, route, key, status, encode(body_sha256, 'hex') as sha, object_id::text as object from tolem.idempotency`,
  );
  const stored = new Map(rows.map((row) => [`${row.merchant} ${row.route} ${row.key}`, row]));
  const byReference = grouped(payouts, ({ merchant, reference }) => `${merchant} ${reference}`);
  const figures: ClientFigures = { unknown: 0, done: 0, notDone: 0, replayed: 0, conflicts: 0, refused: 0 };
  for (const [, ofKey] of grouped(asked, ({ merchant, path, key }) => `${merchant} ${path} ${key}`)) {
    const [{ merchant, path, key }] = ofKey as [Asked];
    const { id } = merchants.get(merchant) as Merchant;
    const answer = stored.get(`${id} POST ${path} ${key}`);
    oneAnswer(findings, ofKey, answer);
    if (path === '/v1/payout') onePayout(evidence, id, ofKey, answer, byReference);
    count(figures, ofKey, answer !== undefined);
  }
  ghosts(findings, asked, merchants, payouts);
  await readable(evidence, asked);
  return figures;
}

const good = ({ outcome }: Asked): boolean => outcome?.kind === 'answer' && outcome.status < 300;
const goodAnswers = (ofKey: Asked[]): Answered[] => ofKey.filter(good).map(({ outcome }) => outcome as Answered);
/** Refused for good: told so, and not merely told to wait. */
const isRefused = ({ outcome }: Asked): boolean =>
  outcome?.kind === 'answer' && outcome.status >= 400 && outcome.status !== 429 && !outcome.body.includes('still being worked on');

/** INV-39, INV-41: all that was ever answered under a key is one text, and it is the one that is stored. */
function oneAnswer(findings: Findings, ofKey: Asked[], stored: StoredAnswer | undefined): void {
  const [{ merchant, key, path }] = ofKey as [Asked];
  const texts = new Set(goodAnswers(ofKey).map(({ body }) => body));
  findings.check('INV-39', texts.size <= 1, () => `${merchant} ${path} ${key} has ${texts.size} answers: ${[...texts].join('\n')}`);
  for (const text of texts) {
    const sha = createHash('sha256').update(text).digest('hex');
    findings.check('INV-43', stored?.sha === sha, () => `${merchant} ${path} ${key} was answered ${text}; ${stored ? 'another answer' : 'none'} is stored`);
  }
  for (const one of ofKey) {
    const { action, outcome } = one;
    if (outcome?.kind !== 'answer') continue;
    if (action === 'conflict')
      findings.check('INV-40', outcome.status === 409, () => `${merchant} ${key} with another body was answered ${outcome.status}: ${outcome.body}`);
    if (action === 'bad') findings.check('INV-46', isRefused(one), () => `${one.body} was answered ${outcome.status}: ${outcome.body}`);
    if (action === 'proof')
      findings.check(
        'INV-41',
        outcome.status === 201 && outcome.replayed,
        () => `${merchant} ${key}, asked again at the end, was answered ${outcome.status}${outcome.replayed ? '' : ' as if it were new'}: ${outcome.body}`,
      );
    // Whoever asked for what was done, and was not told so, was told that another body has the key, or that the request is wrong.
    if (isRefused(one))
      findings.check(
        'INV-40',
        outcome.status !== 409 || ofKey.some(({ reference }) => reference !== one.reference),
        () => `${merchant} ${key} was answered 409, and has only ever had this body: ${outcome.body}`,
      );
  }
}

/** A key stands for one payout, which is what its request asked for; what was refused is nowhere; what is unknown is there whole or not at all. */
function onePayout(
  { findings, byId }: Evidence,
  merchant: string,
  ofKey: Asked[],
  stored: StoredAnswer | undefined,
  byReference: Map<string, PayoutRow[]>,
): void {
  for (const [reference, requests] of grouped(ofKey, (one) => one.reference)) {
    const made = byReference.get(`${merchant} ${reference}`) ?? [];
    const [{ key, body }] = requests as [Asked];
    findings.check('INV-39', made.length <= 1, () => `${reference} was made ${made.length} times: ${made.map(({ id }) => id).join(', ')}`);
    if (requests.some(isRefused))
      findings.check(
        'INV-46',
        made.length === 0,
        () => `${reference} was refused, and is there: ${JSON.stringify(made.map(({ id, state }) => ({ id, state })))}`,
      );
    for (const { id } of made)
      findings.check(
        'INV-48',
        stored?.object === id && stored.status === 201,
        () => `${reference} made ${id}, and its key ${key} stands for ${stored?.object ?? 'nothing'}`,
      );
    for (const answer of goodAnswers(requests)) {
      const told = JSON.parse(answer.body) as Record<string, unknown> & { id: string };
      const wanted = JSON.parse(body) as Record<string, unknown>;
      const same =
        told.amount === wanted.amount &&
        told.currency === wanted.currency &&
        told.cardTokenId === wanted.tokenId &&
        told.orderReference === wanted.orderReference;
      findings.check(
        'INV-63',
        same && byId.get(told.id)?.reference === reference,
        () => `${reference} was asked for as ${body}, answered ${answer.body}, and is ${JSON.stringify(byId.get(told.id)?.reference)}`,
      );
    }
  }
}

/** Nothing is there that nobody asked for. */
function ghosts(findings: Findings, asked: Asked[], merchants: Map<string, Merchant>, payouts: PayoutRow[]): void {
  const references = new Set(asked.map(({ merchant, reference }) => `${merchants.get(merchant)?.id} ${reference}`));
  for (const { id, merchant, reference } of payouts)
    findings.check('INV-46', references.has(`${merchant} ${reference}`), () => `nobody asked for ${id} (${reference})`);
}

/** What an answer says for ever, whatever becomes of the payout later. */
const lasting = [
  'id',
  'transactionId',
  'amount',
  'currency',
  'bin',
  'brand',
  'last4',
  'cardTokenId',
  'customerId',
  'description',
  'orderReference',
  'type',
  'storeId',
  'terminalId',
  'createdAt',
];

/** INV-63: every payout that was acknowledged is in the list, with the content that was acknowledged. */
async function readable({ platform, findings }: Evidence, asked: Asked[]): Promise<void> {
  for (const merchant of platform.merchants) {
    const listed = await list(platform, merchant);
    for (const one of asked) {
      if (one.merchant !== merchant.name || one.path !== '/v1/payout' || !good(one)) continue;
      const told = JSON.parse((one.outcome as Answered).body) as Record<string, unknown>;
      const now = listed.get(String(told.id));
      const fields = told.status === 'rejected' ? Object.keys(told) : lasting; // what was refused at once was final when it was told
      const other = now && fields.find((field) => JSON.stringify(now[field]) !== JSON.stringify(told[field]));
      findings.check('INV-63', now !== undefined && other === undefined, () =>
        now
          ? `${String(told.id)}: ${other} was told as ${JSON.stringify(told[other as string])} and is ${JSON.stringify(now[other as string])}`
          : `${String(told.id)} was acknowledged and is not in the list`,
      );
    }
  }
}

async function list(platform: Platform, merchant: Merchant): Promise<Map<string, Record<string, unknown>>> {
  const listed = new Map<string, Record<string, unknown>>();
  for (let page = 1; ; page++) {
    const answer = await platform.call(page, 'GET', `/v1/payout?page=${page}&size=100`, { apiKey: merchant.apiKey, timeoutMs: 20_000 });
    if (answer.status !== 200) throw new Error(`page ${page} of the list was answered ${answer.status}`);
    const { data } = JSON.parse(answer.body) as { data: Record<string, unknown>[] };
    for (const one of data) listed.set(String(one.id), one);
    if (data.length < 100) return listed;
  }
}

function count(figures: ClientFigures, ofKey: Asked[], isDone: boolean): void {
  if (ofKey.some(({ outcome }) => outcome?.kind !== 'answer')) {
    figures.unknown++;
    if (isDone) figures.done++;
    else figures.notDone++;
  }
  for (const { action, outcome } of ofKey) {
    if (outcome?.kind !== 'answer') continue;
    if (outcome.replayed) figures.replayed++;
    if (action === 'conflict') figures.conflicts++;
    if (action === 'bad') figures.refused++;
  }
}
