/**
 * As much of PostgreSQL's wire protocol as the simulation speaks, in one buffer for each statement: most of a run's time
 * would otherwise go into it.
 * @source PostgreSQL 18, chapter "Frontend/Backend Protocol", "Message Formats"
 */

let out: Buffer = Buffer.alloc(1 << 16);
let at = 0;

function room(bytes: number): void {
  if (at + bytes <= out.length) return;
  const larger = Buffer.alloc((at + bytes) * 2);
  out.copy(larger, 0, 0, at);
  out = larger;
}

function int16(value: number): void {
  room(2);
  at = out.writeInt16BE(value, at);
}

function int32(value: number): void {
  room(4);
  at = out.writeInt32BE(value, at);
}

function text(value: string): void {
  room(value.length * 3);
  at += out.write(value, at);
}

function cstring(value: string): void {
  text(value);
  room(1);
  out[at++] = 0;
}

/** A message: its letter, its length, what `body` writes. */
function message(letter: string, body: () => void): void {
  room(5);
  out[at++] = letter.charCodeAt(0);
  const from = at;
  at += 4;
  body();
  out.writeInt32BE(at - from, from);
}

function whole(write: () => void): Uint8Array {
  at = 0;
  write();
  return Uint8Array.prototype.slice.call(out, 0, at) as Uint8Array;
}

/** One or more statements as text. */
export const query = (statements: string): Uint8Array => whole(() => message('Q', () => cstring(statements)));

/** One statement with its parameters; with `statement`, prepared under its name first, and its columns are told. */
export const execute = (name: string, statement: string | undefined, values: (string | Uint8Array | null)[]): Uint8Array =>
  whole(() => {
    if (statement !== undefined) {
      message('P', () => {
        cstring(name);
        cstring(statement);
        int16(0);
      });
    }
    message('B', () => {
      cstring('');
      cstring(name);
      int16(values.length);
      for (const value of values) int16(value instanceof Uint8Array ? 1 : 0);
      int16(values.length);
      for (const value of values) parameter(value);
      int16(0);
    });
    if (statement !== undefined) message('D', () => cstring('P'));
    message('E', () => {
      cstring('');
      int32(0);
    });
    message('S', () => undefined);
  });

function parameter(value: string | Uint8Array | null): void {
  if (value === null) return int32(-1);
  const from = at;
  int32(0);
  if (typeof value === 'string') {
    text(value);
  } else {
    room(value.length);
    out.set(value, at);
    at += value.length;
  }
  out.writeInt32BE(at - from - 4, from);
}

export interface Heard {
  columns(columns: { name: string; type: number }[]): void;
  row(values: (string | null)[]): void;
  done(tag: string): void;
  refused(code: string, message: string): void;
}

/** Reads an answer. */
export function read(bytes: Buffer, heard: Heard): void {
  for (let from = 0; from < bytes.length;) {
    const end = from + 1 + bytes.readInt32BE(from + 1);
    const body = from + 5;
    switch (String.fromCharCode(bytes[from] as number)) {
      case 'T':
        heard.columns(columnsIn(bytes, body));
        break;
      case 'D':
        heard.row(valuesIn(bytes, body));
        break;
      case 'C':
        heard.done(bytes.toString('latin1', body, end - 1));
        break;
      case 'E': {
        const fields = bytes.toString('utf8', body, end - 1).split('\0');
        const field = (letter: string) => fields.find((one) => one.startsWith(letter))?.slice(1) ?? '';
        heard.refused(field('C'), field('M'));
      }
    }
    from = end;
  }
}

function columnsIn(bytes: Buffer, from: number): { name: string; type: number }[] {
  let place = from + 2;
  return Array.from({ length: bytes.readInt16BE(from) }, () => {
    const end = bytes.indexOf(0, place);
    const column = { name: bytes.toString('utf8', place, end), type: bytes.readInt32BE(end + 7) };
    place = end + 19;
    return column;
  });
}

function valuesIn(bytes: Buffer, from: number): (string | null)[] {
  let place = from + 2;
  return Array.from({ length: bytes.readInt16BE(from) }, () => {
    const length = bytes.readInt32BE(place);
    place += 4;
    if (length < 0) return null;
    place += length;
    return bytes.toString('utf8', place - length, place);
  });
}
