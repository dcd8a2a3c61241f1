import pino from 'pino';

/** A log line's fields. Those that are not in the list below are dropped, whoever passes them. */
export interface Log {
  info(fields: Record<string, unknown>, message: string): void;
  warn(fields: Record<string, unknown>, message: string): void;
  error(fields: Record<string, unknown>, message: string): void;
}

/** The only fields that are ever written: none of them can hold a card, a key or a person's data. */
const ALLOWED = new Set([
  'event',
  'requestId',
  'route',
  'merchantId',
  'payoutId',
  'endpointId',
  'connector',
  'count',
  'ms',
  'pid',
  'port',
  'url',
  'state',
  'action',
  'role',
  'signal',
  'attempt',
  'status',
  'reason',
]);

/** A run of 13 to 19 digits, however grouped, may be a card number; a key begins as our keys do. */
const CARD = /\b\d(?:[ -]?\d){12,18}\b/g;
const SECRET = /\b(?:pr_(?:test|live)_|tk_(?:test|live)_|whk_|whsec_)[A-Za-z0-9+/=_-]{6,}/g;
export const masked = (text: string): string => text.replace(SECRET, '[secret]').replace(CARD, '[digits]');

/** @param level of pino: trace … fatal, silent */
export function createLog(level: string, name: string, stream?: pino.DestinationStream): Log {
  const logger = pino(
    { level, base: { name, pid: process.pid }, timestamp: pino.stdTimeFunctions.isoTime },
    stream ?? pino.destination({ fd: 2, sync: false }),
  );
  const write = (kind: 'info' | 'warn' | 'error') => (fields: Record<string, unknown>, message: string) => logger[kind](allowed(fields), masked(message));
  return { info: write('info'), warn: write('warn'), error: write('error') };
}

function allowed({ error, ...fields }: Record<string, unknown>): Record<string, unknown> {
  const kept = Object.entries(fields).filter(([name]) => ALLOWED.has(name));
  return {
    ...Object.fromEntries(kept.map(([name, value]) => [name, typeof value === 'string' ? masked(value) : value])),
    ...(error instanceof Error ? { error: described(error) } : {}),
  };
}

/** An error's name, SQLSTATE, words and place; never the values it was about. */
function described(error: Error): Record<string, unknown> {
  const { code } = error as { code?: unknown };
  const cause = error.cause instanceof Error ? { cause: described(error.cause) } : {};
  return {
    name: error.name,
    ...(typeof code === 'string' ? { code } : {}),
    message: masked(error.message),
    at: masked(
      error.stack
        ?.split('\n')
        .slice(1, 6)
        .map((line) => line.trim())
        .join(' ← ') ?? '',
    ),
    ...cause,
  };
}
