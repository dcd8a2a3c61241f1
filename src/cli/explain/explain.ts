import { sql } from '../../db/sql.ts';
import { notFound } from '../../errors.ts';
import { fromBase32, isUuid } from '../../ids.ts';
import type { House } from '../../main.ts';
import { say, withHouse } from '../context.ts';
import { findMerchant } from '../merchants.ts';
import { balanceStory } from './balance.ts';
import { distributionStory, payoutStory } from './outgoing.ts';
import { inSnapshot, type Story } from './story.ts';
import { walletStory } from './wallet.ts';

/**
 * Everything that the house knows of a payout, a distribution, a wallet payment or a balance, and whether its numbers sum. Exit
 * code 1 where they do not, so that a script may rely on it.
 */
export async function explain(id: string): Promise<void> {
  await withHouse(async (house) => {
    const { lines, broken } = await storyOf(house, id);
    for (const line of lines) say(line);
    for (const what of broken) say(`  DOES NOT ADD UP: ${what}`);
    process.exitCode = broken.length > 0 ? 1 : 0;
  });
}

async function storyOf({ db }: House, text: string): Promise<Story> {
  const [, merchantId, account] = /^([0-9a-f-]{36})\/(.+)$/.exec(text) ?? [];
  if (merchantId && account) {
    await findMerchant(db, merchantId);
    return inSnapshot(db, merchantId, (tx) => balanceStory(tx, account));
  }
  const id = idIn(text);
  const owner = id && (await ownerOf(db, id));
  if (!owner) throw notFound(`no payout with the id ${text}, nor a distribution, a wallet payment, or a balance such as MERCHANT/available/KZT`);
  const tell = { payout: payoutStory, distribution: distributionStory, wallet: walletStory }[owner.what];
  return inSnapshot(db, owner.merchant, (tx) => tell(tx, owner.id));
}

/** A uuid, or the id of a wallet payment (wt_) or of an operation (wo_) as merchants see it. */
const idIn = (text: string): string | undefined => (isUuid(text) ? text : /^w[to]_/.test(text) ? fromBase32(text.slice(3).toLowerCase()) : undefined);

interface Owner {
  merchant: string;
  what: 'payout' | 'distribution' | 'wallet';
  /** of an operation, the id of the payment that it belongs to */
  id: string;
}

const ownerOf = async (db: House['db'], id: string): Promise<Owner | undefined> =>
  (
    await db.scan<Owner>(sql`
      select p.merchant_id as merchant, 'payout' as what, p.id from payout p where p.id = ${id}::uuid
      union all select d.merchant_id, 'distribution', d.id from distribution d where d.id = ${id}::uuid
      union all select s.merchant_id, 'wallet', s.authorization_id from wallet_submission s where s.id = ${id}::uuid`)
  )[0];
