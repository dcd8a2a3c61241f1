import { NOBODYS } from '../../src/connectors/http.ts';
import { fingerprintOf } from '../../src/sandbox/fingerprint.ts';
import { toDecimal } from '../../src/money.ts';
import type { Facts } from './bank-facts.ts';
import { type Judge, type Scene, show, type StoredPayout } from './judge.ts';
import type { Intent, Merchant } from './merchant.ts';
import type { Receiver } from './receivers.ts';

/**
 * INV-23, 24, 28, 29: what the bank did against what the books say. The bank is believed: only where it lied itself, and
 * the lie was taken before the truth was known, may the two differ.
 */
export function checkBank({ verdict, bank, merchants, server }: Scene, judge: Judge, stored: StoredPayout[], facts: Map<string, Facts>): void {
  const byReference = new Map(stored.flatMap((payout) => (payout.reference ? [[payout.reference, payout] as const] : [])));
  const cards = new Map(merchants.flatMap(({ cards }) => cards.map(({ token, pan }) => [token, pan] as const)));
  const sums = new Map<string, bigint>();
  const add = (key: string, amount: bigint) => sums.set(key, (sums.get(key) ?? 0n) + amount);

  for (const [ref, fact] of facts) {
    if (ref.startsWith('stranger-') || (ref === NOBODYS && fact.requested.length === 0)) continue;
    const payout = byReference.get(ref);
    if (!payout) {
      verdict.wrong('INV-24', `the bank was asked for ${ref}, which no submission has: ${show(fact)}`);
      continue;
    }
    verdict.expect(fact.requested.length <= 1, 'INV-28', () => `${ref} was taken ${fact.requested.length} times: it was sent after the bank had forgotten it`);
    verdict.expect(fact.executed.length <= 1, 'INV-23', () => `payout ${payout.id} was executed ${fact.executed.length} times`);
    verdict.expect(fact.conflicts === 0, 'INV-25', () => `${ref} was sent with other content`);
    for (const request of fact.requested) {
      const same =
        request.amount === String(payout.amount) &&
        request.currency === payout.currency &&
        request.destination.fingerprint === fingerprintOf(bank.key, { pan: cards.get(payout.cardTokenId) ?? '' });
      verdict.expect(same, 'INV-29', () => `the bank was asked for ${show(request)}, the payout is ${show(payout)}`);
    }
    const scenario = bank.dial.given.get(ref)?.id; // also of what the bank turned away and never took
    if (scenario) judge.saw(`${scenario} → ${payout.state}`);
  }
  for (const payout of stored) {
    const fact = payout.reference ? facts.get(payout.reference) : undefined;
    const isExecuted = (fact?.executed.length ?? 0) > 0;
    const isFinal = ['settled', 'rejected', 'failed'].includes(payout.state);
    const believedLie = payout.cause === 'callback' && isLiedTo(fact);
    judge.saw(`payout ${payout.state}${payout.errorCode ? ` ${payout.errorCode}` : ''}`);
    if (isFinal) judge.saw(`${payout.state} by ${payout.cause}`);
    if (believedLie) {
      judge.saw('a lie of the bank was believed');
      continue;
    }
    if (isFinal)
      verdict.expect(
        isExecuted === (payout.state === 'settled'),
        'INV-29',
        () => `payout ${payout.id} is ${payout.state} by ${payout.cause}, the bank ${isExecuted ? 'executed it' : 'did not execute it'}: ${show(fact)}`,
      );
    if (isFinal && isExecuted) add(`${payout.merchantId} ${payout.currency}`, payout.amount);
    if (payout.state === 'settled') add(`${payout.merchantId} ${payout.currency}`, -payout.amount);
  }
  for (const [key, difference] of sums) verdict.expect(difference === 0n, 'INV-23', () => `${key}: executed and settled differ by ${difference}`);
  checkReturns(
    stored,
    facts,
    server.store.all<{ payoutId: string }>('select payout_id as "payoutId" from tolem.payout_return').map(({ payoutId }) => payoutId),
  );

  function checkReturns(payouts: StoredPayout[], known: Map<string, Facts>, returned: string[]): void {
    for (const payout of payouts) {
      const fact = payout.reference ? known.get(payout.reference) : undefined;
      const cameBack = (fact?.returned.length ?? 0) > 0;
      const wasTold = [...(fact?.callbacks.values() ?? [])].some(({ says, isTaken }) => says === 'returned' && isTaken);
      const isBooked = returned.includes(payout.id);
      verdict.expect(!isBooked || cameBack, 'INV-29', () => `a return of ${payout.id} is booked that the bank does not know of`);
      if (!isLiedTo(fact)) verdict.expect(!wasTold || isBooked, 'INV-29', () => `the bank told of the return of ${payout.id}, which is not booked`);
      if (isBooked) judge.saw('returned by the bank');
    }
  }
}

const isLiedTo = (fact: Facts | undefined): boolean => [...(fact?.callbacks.values() ?? [])].some(({ isLie, isTaken }) => isLie && isTaken);

/** INV-34: what contradicts a final state changes nothing; it opens one incident, with one posting to suspense. */
export function checkIncidents({ verdict, server }: Scene, judge: Judge, stored: StoredPayout[], facts: Map<string, Facts>): void {
  const incidents = server.store.all<{ id: string; objectId: string; kind: string; postings: bigint }>(`
    select i.id, i.object_id as "objectId", i.kind, (select count(*) from tolem.transfer t where t.merchant_id = i.merchant_id and t.object_id = i.id::text and t.kind = 'suspense') as postings from tolem.incident i`);
  for (const payout of stored) {
    const fact = payout.reference ? facts.get(payout.reference) : undefined;
    const own = incidents.filter(({ objectId, kind }) => objectId === payout.id && kind !== 'reference_forgotten');
    if (incidents.some(({ objectId, kind }) => objectId === payout.id && kind === 'reference_forgotten')) judge.saw('incident reference_forgotten');
    const contradicts = (says: string) => (says === 'executed' ? payout.state !== 'settled' : payout.state === 'settled');
    const isExpected = [...(fact?.callbacks.values() ?? [])].some(
      ({ says, isTaken, isLie }) => isTaken && says !== 'returned' && (isLie || isLiedTo(fact)) && contradicts(says),
    );
    const isAllowed = isLiedTo(fact); // the truth may come after a lie that was believed
    verdict.expect(
      own.length <= (isAllowed ? 1 : 0) && own.length >= (isExpected ? 1 : 0),
      'INV-34',
      () => `payout ${payout.id}, ${payout.state} by ${payout.cause}, has ${own.length} incidents: ${show(own)}; the bank: ${show(fact)}`,
    );
    for (const { kind, postings } of own) {
      judge.saw(`incident ${kind}`);
      verdict.expect(postings === 1n, 'INV-34', () => `incident ${kind} of ${payout.id} has ${postings} postings`);
    }
  }
}

/** INV-39, 40, 42, 46, 48, 63: what clients heard against what the API lists; and every unit of their balances. */
export function checkClients({ verdict, merchants, server }: Scene, judge: Judge, stored: StoredPayout[]): void {
  const accounts = server.store.all<{ merchantId: string; id: string; balance: bigint }>('select merchant_id as "merchantId", id, balance from tolem.account');
  const returns = server.store.all<{ merchantId: string; currency: string; amount: bigint }>(
    'select merchant_id as "merchantId", currency, amount from tolem.payout_return',
  );
  for (const merchant of merchants) {
    const { merchantId } = merchant.account;
    const listed = judge.lists.get(merchantId) ?? [];
    const own = stored.filter((payout) => payout.merchantId === merchantId);
    verdict.expect(listed.length === own.length, 'INV-63', () => `merchant ${merchantId} has ${own.length} payouts and is shown ${listed.length}`);
    const known = new Set(merchant.intents.map(({ reference }) => reference));
    for (const payout of own) verdict.expect(known.has(payout.orderReference ?? ''), 'INV-46', () => `payout ${payout.id} was never asked for`);
    for (const intent of merchant.intents) checkIntent(merchant, intent);
    for (const [currency, paidIn] of merchant.topUps) {
      const sum = (states: string[]) =>
        own.filter((payout) => payout.currency === currency && states.includes(payout.state)).reduce((total, { amount, fee }) => total + amount + fee, 0n);
      const cameBack = returns.filter((row) => row.merchantId === merchantId && row.currency === currency).reduce((total, { amount }) => total + amount, 0n);
      const balance = (kind: string) => accounts.find((row) => row.merchantId === merchantId && row.id === `${kind}/${currency}`)?.balance ?? 0n;
      const [open, gone] = [sum(['new', 'processing']), sum(['settled'])];
      verdict.expect(balance('held') === open, 'INV-06', () => `merchant ${merchantId} has ${balance('held')} ${currency} held, ${open} is on its way`);
      verdict.expect(
        balance('available') === paidIn - open - gone + cameBack,
        'INV-23',
        () => `merchant ${merchantId} has ${balance('available')} ${currency}; paid in ${paidIn}, open ${open}, gone ${gone}, back ${cameBack}`,
      );
    }
  }

  function checkIntent(merchant: Merchant, intent: Intent): void {
    const found = (judge.lists.get(merchant.account.merchantId) ?? []).filter(({ orderReference }) => orderReference === intent.reference);
    const acknowledged = intent.accepted.map((text) => (JSON.parse(text) as { id: string }).id);
    const most = intent.key ? 1 : intent.sends;
    const about = () =>
      `reference ${intent.reference}, ${intent.key ? 'with' : 'without'} key, sent ${intent.sends} times, acknowledged ${acknowledged.join()}, refused ${intent.refused.join()}; listed ${show(found)}`;
    verdict.expect(found.length <= most, 'INV-39', about);
    verdict.expect(
      acknowledged.every((id) => found.some((one) => one.id === id)),
      'INV-63',
      about,
    );
    if (intent.refused.length > 0) verdict.expect(found.length === 0, 'INV-46', about);
    if (intent.card) verdict.expect(intent.refused.length === 0, 'model', () => `a good request was refused: ${about()}`);
    for (const one of found)
      verdict.expect(String(one.amount) === String(Number(toDecimal(intent.amount, intent.currency))) && one.currency === intent.currency, 'INV-63', about);
    if (acknowledged.length > 1) judge.saw('answered again from memory');
    if (acknowledged.length === 0 && found.length > 0) judge.saw('accepted, though nobody heard so');
    if (intent.key && intent.sends > 1 && acknowledged.length === 1) judge.saw('asked again until answered');
  }
}

interface Told {
  eventId: string;
  merchantId: string;
  objectId: string;
  seq: number;
  type: string;
  at: Date;
  endpointId: string;
  state: string;
  failures: number;
}

/** INV-56 to 59: who was told, in which order, and that everybody was. */
export function checkReceivers({ verdict, server, receivers, faults }: Scene, judge: Judge): void {
  const told = server.store.all<Told>(`
    select e.id as "eventId", e.merchant_id as "merchantId", e.object_id as "objectId", e.object_seq as seq, e.type, e.at, d.endpoint_id as "endpointId", d.state, d.failures
    from tolem.delivery d join tolem.event e on e.merchant_id = d.merchant_id and e.number = d.event_number order by e.merchant_id, e.number`);
  const forAll = server.store.all<{ merchantId: string; eventId: string }>(
    `select merchant_id as "merchantId", id as "eventId" from tolem.event where (type like 'transaction.%' and type <> 'transaction.new') or type = 'card.saved'`,
  );
  for (const receiver of receivers.all.values()) {
    const own = told.filter(({ endpointId }) => endpointId === receiver.id);
    const byEvent = new Map(own.map((one) => [one.eventId, one]));
    for (const { eventId } of receiver.receipts)
      verdict.expect(byEvent.has(eventId), 'INV-61', () => `endpoint ${receiver.url} was told of event ${eventId}, which is not there, or not for it`);
    checkOrder(receiver, own, byEvent);
    for (const one of own) {
      judge.saw(`delivery ${one.state}`);
      const wasTaken = receiver.receipts.some(({ eventId, taken, answered }) => eventId === one.eventId && taken && answered);
      verdict.expect(one.state !== 'delivered' || wasTaken, 'INV-59', () => `event ${one.eventId} counts as delivered to ${receiver.url}, which never took it`);
      if (!receiver.isDead)
        verdict.expect(
          one.state === 'delivered',
          'INV-57',
          () => `event ${one.eventId} (${one.type}) is ${one.state} for ${receiver.url}, which is well: ${show(one)}`,
        );
      else
        verdict.expect(
          one.state === 'parked' || one.state === 'delivered',
          'INV-57',
          () => `event ${one.eventId} is ${one.state} for an endpoint that is dead: ${show(one)}`,
        );
    }
    if (receiver.wasGone) continue;
    const expected = forAll.filter(({ merchantId }) => merchantId === receiver.merchantId).map(({ eventId }) => eventId);
    const missing = expected.filter((eventId) => !byEvent.has(eventId));
    verdict.expect(
      missing.length === 0 && own.length === expected.length,
      'INV-56',
      () => `endpoint ${receiver.url} has ${own.length} deliveries of ${expected.length}, missing ${missing.slice(0, 3).join()}`,
    );
  }

  /** Nobody hears of a change before having taken all that came before it. */
  function checkOrder(receiver: Receiver, own: Told[], byEvent: Map<string, Told>): void {
    const taken = new Set<string>();
    const answered = new Set<string>();
    for (const receipt of receiver.receipts) {
      const one = byEvent.get(receipt.eventId);
      if (!one) continue;
      const skipped = own.find(({ objectId, seq, eventId }) => objectId === one.objectId && seq < one.seq && !taken.has(eventId));
      verdict.expect(
        !skipped,
        'INV-58',
        () => `endpoint ${receiver.url} heard of ${one.type} (${one.seq}) of ${one.objectId} before ${skipped?.type} (${skipped?.seq})`,
      );
      if (answered.has(receipt.eventId)) faults.count('webhook again after its answer');
      if (receipt.taken) taken.add(receipt.eventId);
      if (receipt.taken && receipt.answered) answered.add(receipt.eventId);
    }
  }
}

/** INV-62: who reads the feed misses nothing, in the order of commits. */
export function checkFeed({ verdict, merchants, server }: Scene): void {
  for (const { account, feed } of merchants) {
    const events = server.store
      .all<{ id: string }>(`select id from tolem.event where merchant_id = '${account.merchantId}' order by number`)
      .map(({ id }) => id);
    verdict.expect(
      events.length === feed.length && events.every((id, i) => id === feed[i]),
      'INV-62',
      () => `the feed of ${account.merchantId} had ${feed.length} events, there are ${events.length}`,
    );
  }
}
