import { verify } from '../audit/verify.ts';
import { Environment, readConfig } from '../config.ts';
import { setFingerprints } from '../customers/cards.ts';
import { sql } from '../db/sql.ts';
import { resealSecrets } from '../webhooks/endpoints.ts';
import { age, note, say, withDatabase, withHouse } from './context.ts';
import { migrateDatabase } from './database.ts';

export async function runMigrate(): Promise<void> {
  await withDatabase(readConfig(process.env), async ({ owner }) => {
    const applied = await migrateDatabase(owner);
    say(applied.length > 0 ? applied.map((name) => `applied ${name}`).join('\n') : 'the database is up to date');
  });
}

/** Exit code 1 where a rule is broken, so that a script may rely on it. */
export async function runVerify({ json }: { json?: boolean }): Promise<void> {
  await withDatabase(readConfig(process.env), async ({ owner }) => {
    await migrateDatabase(owner);
    let begun = performance.now();
    const findings = await verify(owner, ({ check, violations, sample }) => {
      const ms = performance.now() - begun;
      begun = performance.now();
      if (json) return;
      say(
        `${violations === 0 ? 'ok    ' : 'BROKEN'} ${check.id.padEnd(8)} ${check.rule}${violations === 0 ? '' : `: ${violations} rows, e.g. ${JSON.stringify(sample)}`} (${Math.round(ms)} ms)`,
      );
    });
    const broken = findings.filter(({ violations }) => violations > 0);
    if (json)
      say(
        JSON.stringify({
          rules: findings.length,
          broken: broken.map(({ check, violations, sample }) => ({ id: check.id, rule: check.rule, violations, sample })),
        }),
      );
    else say(`\n${findings.length} rules, ${broken.length} broken`);
    process.exitCode = broken.length > 0 ? 1 : 0;
  });
}

export function showConfig(): void {
  readConfig(process.env);
  for (const [name, schema] of Object.entries(Environment.properties)) {
    const { description, default: fallback } = schema as { description?: string; default?: string };
    const secret = /KEY|SECRET|URL/.test(name) && name !== 'PUBLIC_URL';
    const value = process.env[name];
    say(`${name.padEnd(22)} ${value ? (secret ? 'is set' : value) : fallback ? `${fallback} (default)` : 'not set'}\n${' '.repeat(23)}${description}`);
  }
}

interface UnknownPayout {
  merchant: string;
  /** the id of either */
  payout: string;
  kind: 'payout' | 'distribution';
  reference: string;
  sentAt: Date | null;
  nextAt: Date | null;
  note: string | null;
}

interface UnknownWallet extends Omit<UnknownPayout, 'payout' | 'kind'> {
  /** of the authorization or the operation */
  id: string;
  kind: string;
}

/** What evidence has not settled yet, oldest first. */
export async function showUnknown({ json }: { json?: boolean }): Promise<void> {
  await withHouse(async ({ db, clock }) => {
    const now = clock.now().getTime();
    const payouts = await db.scan<UnknownPayout>(sql`
      select s.merchant_id as merchant, s.payout_id as payout, s.reference, s.sent_at as "sentAt", s.next_at as "nextAt", s.note,
        case when exists (select from distribution d where d.merchant_id = s.merchant_id and d.id = s.payout_id) then 'distribution' else 'payout' end as kind
      from submission s where s.outcome = 'unknown' order by s.sent_at`);
    const wallet = await db.scan<UnknownWallet>(sql`
      select s.merchant_id as merchant, s.id, s.kind, s.reference, s.sent_at as "sentAt", s.next_at as "nextAt", s.note from wallet_submission s where s.outcome = 'unknown' order by s.sent_at`);
    const incidents = await db.scan<{ merchant: string; object: string; kind: string; detail: string; openedAt: Date }>(sql`
      select i.merchant_id as merchant, i.object_id as object, i.kind, i.detail, i.opened_at as "openedAt" from incident i where i.closed_at is null order by i.opened_at`);
    if (json) return say(JSON.stringify({ payouts, wallet, incidents }));
    const unknown = [
      ...payouts.map((one) => ({ ...one, what: `${one.kind} ${one.payout}` })),
      ...wallet.map((one) => ({ ...one, what: `wallet ${one.kind} ${one.id}` })),
    ];
    for (const { merchant, what, reference, sentAt, nextAt, note } of unknown)
      say(
        `unknown   ${age(now, sentAt).padStart(8)}  ${what}  merchant ${merchant}  reference ${reference}  asked again ${nextAt ? nextAt.toISOString() : 'by nobody'}  ${note ?? ''}`,
      );
    for (const { merchant, object, kind, detail, openedAt } of incidents)
      say(`incident  ${age(now, openedAt).padStart(8)}  about ${object}  merchant ${merchant}  ${kind}: ${detail}`);
    say(`${unknown.length} unknown, ${incidents.length} incidents`);
  });
}

export async function runVaultRotate(): Promise<void> {
  await withHouse(async ({ db, vault, wallet, webhooks }) => {
    const done = await vault.rotate({
      refingerprint: async (merchantId, changed) => void (await db.merchant(merchantId, (tx) => setFingerprints(tx, changed))),
      renewTransportKey: true,
      onProgress: (progress) => note(`  ${JSON.stringify(progress)}`),
    });
    const merchants = await db.scan<{ id: string }>(sql`select m.merchant_id as id from merchant m order by m.merchant_id`);
    let secrets = 0;
    for (const { id } of merchants) secrets += await db.merchant(id, (tx) => resealSecrets(tx, (sealed, of) => webhooks.secrets.reseal(sealed, of)));
    let people = 0;
    for (const { id } of merchants) people += await wallet.reseal(id);
    say(JSON.stringify({ ...done, secrets, people }));
  });
}
