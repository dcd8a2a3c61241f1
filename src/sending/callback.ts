import type { Verdict } from '../connectors/connector.ts';
import type { Db } from '../db/db.ts';
import { sql } from '../db/sql.ts';
import { ApiError, invalid, notFound, unauthorized } from '../errors.ts';
import type { Groups } from '../groups.ts';
import { parseJson } from '../http/json.ts';
import type { App } from '../http/room.ts';
import { masked } from '../log.ts';
import { parseProcessorReference } from '../ids.ts';
import type { Clock } from '../ports.ts';
import { verifyStandardWebhook } from '../webhooks/callback.ts';
import type { Heard } from './decide.ts';
import type { Effect } from './resolve.ts';

export interface CallbackOptions {
  db: Db;
  clock: Clock;
  /** whsec_…: its bytes sign what the processor tells us */
  secret: string;
  processor: string;
  outcomes: Groups<Heard, Effect>;
  /** who else has references there; undefined where the id is none of theirs */
  others?(merchantId: string, id: string, said: Omit<Said, 'ref'>): Promise<{ changed: boolean } | undefined>;
}

/** Where the processor tells what became of a transfer: twice, late, before its own answer, in any order. */
export function callbackRoutes(app: App, options: CallbackOptions): void {
  void app.register(async (inner) => {
    inner.removeAllContentTypeParsers();
    inner.addContentTypeParser('*', { parseAs: 'buffer' }, (_request, body, done) => done(null, body)); // signed byte for byte
    inner.post('/callbacks/processor', { config: { source: 'callbacks' }, schema: { hide: true } as object }, async (request, reply) => {
      const raw = request.body as Buffer;
      const verified = verifyStandardWebhook(options.secret, request.headers, raw, options.clock.wall());
      if (!verified) throw unauthorized('the signature does not fit');
      const { ref, ...said } = bodyIn(raw);
      const { merchantId, payoutId } = await ownerOf(options.db, ref);
      const { changed } = await hear(options, merchantId, payoutId, said, verified.id);
      return reply.send({ received: true, changed });
    });
  });
}

/** Said of money on its way out, or of something else that has references at the processor. @throws {ApiError} 404 */
async function hear(options: CallbackOptions, merchantId: string, id: string, said: Omit<Said, 'ref'>, dedupeKey: string): Promise<{ changed: boolean }> {
  if (said.status !== 'authorized')
    // which money on its way out never is
    try {
      const callback = { processor: options.processor, dedupeKey };
      return await options.outcomes.submit(merchantId, { payoutId: id, verdict: verdictIn(said), source: 'callback', callback });
    } catch (error) {
      if (!(error instanceof ApiError) || error.code !== 4) throw error;
    }
  const elsewhere = await options.others?.(merchantId, id, said);
  if (!elsewhere) throw notFound('no such reference');
  return elsewhere;
}

interface Said {
  ref: string;
  status: string;
  code: string | null;
  rrn: string | null;
}

function bodyIn(raw: Buffer): Said {
  const body = parseJson(raw) as Record<string, unknown> | null;
  const text = (name: string) => (typeof body?.[name] === 'string' ? (body[name] as string).slice(0, 64) : null);
  const [ref, status] = [text('ref'), text('status')];
  if (!ref || !status) throw invalid('a callback has ref and status');
  // Words that are stored and shown: a code is short, and nothing that looks like a card number goes on.
  const [code, rrn] = [text('code'), text('rrn')];
  return { ref, status, code: code !== null && /^[A-Za-z0-9]{1,8}$/.test(code) ? code : null, rrn: rrn && masked(rrn) };
}

function verdictIn({ status, code, rrn }: Omit<Said, 'ref'>): Verdict {
  switch (status) {
    case 'executed':
      return { kind: 'executed', rrn, executedAt: null };
    case 'declined':
      return { kind: 'declined', code: code ?? '05', message: 'declined by the processor' };
    case 'pending':
      return { kind: 'pending' };
    case 'cancelled':
      return { kind: 'cancelled' };
    case 'returned':
      return { kind: 'returned', rrn, code };
    default:
      throw invalid(`status: "${status}" is none of executed, declined, pending, cancelled, returned`);
  }
}

async function ownerOf(db: Db, reference: string): Promise<{ merchantId: string; payoutId: string }> {
  const parsed = parseProcessorReference(reference);
  const owner =
    parsed && (await db.lookup((q) => q.maybe<{ merchant: string }>(sql`select c.merchant from merchant_code c where c.code = ${parsed.merchantCode}`)));
  if (!parsed || !owner) throw notFound('no such reference');
  return { merchantId: owner.merchant, payoutId: parsed.id };
}
