import { invalid, notFound } from '../errors.ts';
import { sql } from '../db/sql.ts';
import type { House } from '../main.ts';
import { binOrIinProblem } from '../kazakhstan.ts';
import { openMerchant } from '../merchants/open.ts';
import { exponentOf } from '../money.ts';
import { noTerms, setTerms, termsOf } from '../merchants/merchants.ts';
import { Sealer } from '../sealing.ts';
import { ConfigError } from '../config.ts';
import { isUuid } from '../ids.ts';
import { recount } from '../payouts/payout.ts';
import { say, withHouse } from './context.ts';

export async function createMerchant({
  name,
  mode,
  bin,
  organisation,
  json,
}: {
  name: string;
  mode: 'test' | 'live';
  bin?: string;
  organisation?: string;
  json?: boolean;
}): Promise<void> {
  await withHouse(async ({ db, ids, config, random, clock }) => {
    if (mode === 'live' && config.sandboxMasterKey) throw new ConfigError('MASTER_KEY: a live merchant needs your own; make one with: openssl rand -base64 32');
    if (!name.trim()) throw invalid('--name: what is the merchant called?');
    const wrong = bin === undefined ? undefined : binOrIinProblem(bin, { checkDigit: mode === 'live' });
    if (wrong) throw invalid(`--bin: ${wrong}`);
    if (organisation !== undefined) await findOrganisation(db, organisation);
    const made = await openMerchant(db, ids, new Sealer(config.masterKey, 'webhooks', random), {
      name,
      mode,
      ...(bin ? { bin } : {}),
      ...(organisation ? { organisationId: organisation } : {}),
      now: clock.now(),
    });
    const { merchantId, apiKey, token, clientKey, webhookToken } = made;
    if (json) return say(JSON.stringify({ merchantId, apiKey, token, clientKey, webhookToken }));
    say(
      `merchantId    ${merchantId}\napiKey        ${apiKey}\ntoken         ${token}\nclientKey     ${clientKey}\nwebhookToken  ${webhookToken}\n\nKept nowhere: write them down.`,
    );
  });
}

export async function setWebhook({ merchant, url, json }: { merchant: string; url: string; json?: boolean }): Promise<void> {
  await withHouse(async ({ db, webhooks }) => {
    await findMerchant(db, merchant);
    const { id, secret } = JSON.parse((await webhooks.register(merchant, { url })).body) as { id: string; secret: string };
    say(json ? JSON.stringify({ id, url, secret }) : `endpoint  ${id}\nsecret    ${secret}\n\nKept nowhere: write it down.`);
  });
}

interface TermsOptions {
  merchant: string;
  currency: string;
  min?: bigint;
  max?: bigint;
  daily?: bigint;
  cardDaily?: bigint;
  fee?: bigint;
  feeBps?: bigint;
}

export async function setTermsOf(o: TermsOptions): Promise<void> {
  await withHouse(async ({ db, clock }) => {
    await findMerchant(db, o.merchant);
    exponentOf(o.currency);
    await db.merchant(o.merchant, async (tx) => {
      const before = (await termsOf(tx)).find(({ currency }) => currency === o.currency) ?? noTerms(o.currency);
      const terms = {
        ...before,
        ...{
          minAmount: o.min ?? before.minAmount,
          maxAmount: o.max ?? before.maxAmount,
          dailyLimit: o.daily ?? before.dailyLimit,
          cardDailyLimit: o.cardDaily ?? before.cardDailyLimit,
        },
        ...{ feeFixed: o.fee ?? before.feeFixed, feeBasisPoints: o.feeBps === undefined ? before.feeBasisPoints : Number(o.feeBps) },
      };
      if ((await setTerms(tx, terms)) !== 1) throw notFound(`no merchant ${o.merchant}`);
      await recount(tx, o.currency, clock.now()); // payouts that were accepted while nobody counted
      const limit = (amount: bigint | null) => (amount === null ? 'none' : String(amount));
      say(
        `${o.currency}: smallest ${terms.minAmount}, largest ${limit(terms.maxAmount)}, a day ${limit(terms.dailyLimit)}, a day and card ${limit(terms.cardDailyLimit)}, fee ${terms.feeFixed} + ${terms.feeBasisPoints} bp (minor units)`,
      );
    });
  });
}

/** @throws {ApiError} 404 */
export async function findMerchant(db: House['db'], merchantId: string): Promise<void> {
  const found =
    isUuid(merchantId) &&
    (await db.merchant(merchantId, (tx) => tx.maybe(sql`select m.merchant_id as id from merchant m where m.merchant_id = ${tx.merchantId}`)));
  if (!found) throw notFound(`no merchant ${merchantId}`);
}

/** @throws {ApiError} 404 */
async function findOrganisation(db: House['db'], id: string): Promise<void> {
  const found = isUuid(id) && (await db.lookup((q) => q.maybe(sql`select o.id from organisation o where o.id = ${id}::uuid`)));
  if (!found) throw notFound(`no organisation ${id}`);
}
