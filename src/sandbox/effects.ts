/** What a step of a script does to a deed, as an entry of the journal; nothing where the books no longer allow it. */
import { restOf, statusOf, type Authorization, type Deed, type Operation, type Transfer } from './deeds.ts';
import type { Fact } from './journal.ts';
import type { Status, Step } from './script.ts';

/** Retrieval reference number: 12 digits, one for each request that was taken. */
export const rrnOf = (request: number): string => String(request).padStart(12, '0');
/** The issuer's consent: 6 digits. */
const authCodeOf = (request: number): string => String(request).padStart(6, '0').slice(-6);

export function effectOf(deed: Deed, { to, code = '05' }: Step): Fact | undefined {
  const { ref, request, status } = deed;
  if (to === 'declined') return status === 'pending' ? { type: to, ref, request, code } : undefined;
  switch (deed.room) {
    case 'transfers':
      return transferred(deed, to);
    case 'authorizations':
      return to === 'expired' ? expired(deed) : to === 'authorized' ? authorized(deed) : undefined;
    case 'operations':
      return to === 'executed' && status === 'pending' ? operated(deed) : undefined;
  }
}

function transferred({ ref, request, status, amount, currency, destination }: Transfer, to: Step['to']): Fact | undefined {
  if (to !== 'executed' && to !== 'returned') return undefined;
  if (status !== (to === 'returned' ? 'executed' : 'pending')) return undefined;
  return { type: to, ref, request, amount, currency, destination, rrn: rrnOf(request) };
}

function authorized({ ref, request, status, amount, currency, instrument }: Authorization): Fact | undefined {
  if (status !== 'pending') return undefined;
  return { type: 'authorized', ref, request, amount, currency, instrument, rrn: rrnOf(request), authCode: authCodeOf(request) };
}

function expired(authorization: Authorization): Fact | undefined {
  const { ref, request, status, currency } = authorization;
  if (status !== 'authorized' || authorization.expired || statusOf(authorization) === 'cancelled') return undefined;
  return { type: 'expired', ref, request, amount: String(restOf(authorization)), currency };
}

const effects = { capture: 'captured', cancellation: 'released', refund: 'refunded' } as const;

/** Carries an operation out: its sum was kept free for it when it was taken. */
function operated({ ref, request, kind, amount, authorization, of }: Operation): Fact {
  const rrn = rrnOf(request);
  if (of?.status !== 'authorized') return { type: 'voided', ref, request, authorization, of: of?.request, rrn };
  return { type: effects[kind], ref, request, authorization, of: of.request, amount, currency: of.currency, instrument: of.instrument, rrn };
}

/** Whether what a callback says has come true; it may be over by now. */
export function hasBeen(deed: Deed, says: Exclude<Status, 'pending'>): boolean {
  switch (says) {
    case 'executed':
      return deed.room !== 'authorizations' && deed.executedAt !== undefined;
    case 'authorized':
      return deed.room === 'authorizations' && deed.rrn !== undefined;
    case 'returned':
      return deed.room === 'transfers' && deed.returnedAt !== undefined;
    case 'declined':
      return deed.status === 'declined';
    case 'cancelled': // by the bank itself; who cancelled knows it
      return deed.room === 'authorizations' && deed.expired && statusOf(deed) === 'cancelled';
  }
}
