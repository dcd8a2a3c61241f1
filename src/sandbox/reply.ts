/** What the bank answers, and what a bad line makes of it. */
import { fencedCode, messageOf, operationMessageOf } from './codes.ts';
import type { Deed } from './deeds.ts';
import { firstStatus, type Line, type Status } from './script.ts';

export interface Answer {
  status: number;
  body: string;
  /** beside the standing ones; lower-case names */
  headers?: Record<string, string>;
}

/** An answer and how it leaves: `whole`, or misbehaving on the connection. */
export interface Reply extends Answer {
  way: 'whole' | 'silent' | 'dropped' | 'cut' | 'dripped';
  /** milliseconds to wait first, the bank's pace counted in */
  delayMs: number;
}

const padding = 10 * 1024 * 1024;
const page = '<!DOCTYPE html><html><head><title>Welcome</title></head><body><h1>It works!</h1></body></html>\n';
const words = { 429: 'too many requests', 500: 'internal error', 503: 'under maintenance' } as const;

export const answer = (status: number, body: object): Answer => ({ status, body: JSON.stringify(body) });
export const refusal = (status: number, error: string): Answer => answer(status, { error });

export function onLine(answer: Answer, line: Line, pace: number): Reply {
  const whole = { ...answer, way: 'whole' as const, delayMs: 0 };
  switch (line.way) {
    case 'whole':
      return { ...whole, delayMs: (line.delayMs ?? 0) * pace };
    case 'status':
      return { ...whole, ...refusal(line.status, words[line.status]), headers: line.status === 500 ? undefined : { 'retry-after': '1' } };
    case 'html':
      return { ...whole, status: 200, body: page, headers: { 'content-type': 'text/html; charset=utf-8' } };
    case 'huge':
      return { ...whole, body: `${answer.body.slice(0, -1)},"padding":"${'x'.repeat(padding)}"}` };
    default:
      return { ...whole, way: line.way };
  }
}

const declined = (ref: string, code: string, message = messageOf(code)) => answer(422, { ref, status: 'declined', code, message });

/** The answer to a POST of a ref that was cancelled. */
export const fencedOff = (ref: string): Answer => declined(ref, fencedCode);

const wordsOf = ({ room, code }: Deed) => (room === 'operations' ? operationMessageOf(code!) : messageOf(code!));

/** The answer to the POST that was taken, byte for byte the same for every repetition, whatever happened since. */
export function firstAnswer(deed: Deed): Answer {
  const { ref, code, script } = deed;
  const status = firstStatus(script);
  switch (status) {
    case 'pending':
      return answer(202, { ref, status });
    case 'declined':
      return declined(ref, code!, wordsOf(deed));
    default:
      return answer(200, { ref, status, ...proofOf(deed) });
  }
}

/** The numbers by which a deed is known outside. */
function proofOf(deed: Deed): object {
  const { rrn } = deed;
  return deed.room === 'authorizations' ? { rrn, authCode: deed.authCode } : { rrn, executedAt: deed.executedAt };
}

/** The answer to an inquiry. @param status the state that the inquiry may see */
export function stateAnswer(deed: Deed, status: Status): Answer {
  const { ref, code } = deed;
  switch (status) {
    case 'executed':
    case 'authorized':
      return answer(200, { ref, status, ...proofOf(deed) });
    case 'returned':
      return answer(200, { ref, status, ...proofOf(deed), ...(deed.room === 'transfers' && { returnedAt: deed.returnedAt }) });
    case 'declined':
      return answer(200, { ref, status, code, message: wordsOf(deed) });
    default:
      return answer(200, { ref, status });
  }
}
