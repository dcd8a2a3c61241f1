import { createHash } from 'node:crypto';

/** A statement with its parameters. The text never contains a value. */
export interface Sql {
  text: string;
  values: unknown[];
  /** the same for the same text: the driver prepares it once for each connection */
  name: string;
}

/** A piece of statement text that is a constant of the program, such as a list of columns. */
export class Fragment {
  readonly text: string;
  constructor(text: string) {
    this.text = text;
  }
}
export const fragment = (strings: TemplateStringsArray): Fragment => new Fragment(strings.join(''));

/** The columns that rows of a kind have as a parameter: name, type, and the member that holds it. */
export type Shape<T> = readonly (readonly [name: string, type: string, member: keyof T])[];
export const shape = <T>(...columns: Shape<T>): Shape<T> => columns;

/** Rows as a parameter: an array for each column, to be read in SQL as the table `u`. */
class Rows {
  readonly shape: Shape<unknown>;
  readonly arrays: unknown[][];
  constructor(columns: Shape<unknown>, arrays: unknown[][]) {
    this.shape = columns;
    this.arrays = arrays;
  }
}
export const table = <T>(rows: readonly T[], columns: Shape<T>): Rows =>
  new Rows(
    columns as Shape<unknown>,
    columns.map(([, , member]) => rows.map((row) => row[member])),
  );

interface Known {
  text: string;
  name: string;
  constants: unknown[];
}
const known = new WeakMap<TemplateStringsArray, Known>();

/** sql`select ${columns} from t where id = ${id}`: each value becomes a parameter; fragments and the shapes of rows are part of the text. */
export function sql(strings: TemplateStringsArray, ...parts: unknown[]): Sql {
  const values = parts.flatMap((part) => (part instanceof Fragment ? [] : part instanceof Rows ? part.arrays : [part]));
  const constants = parts.flatMap((part): unknown[] => (part instanceof Fragment ? [part] : part instanceof Rows ? [part.shape] : []));
  let statement = known.get(strings);
  if (!statement || statement.constants.some((constant, i) => constant !== constants[i])) {
    const text = textOf(strings, parts);
    statement = { text, name: createHash('sha256').update(text).digest('base64url').slice(0, 20), constants };
    known.set(strings, statement);
  }
  return { text: statement.text, name: statement.name, values };
}

function textOf(strings: TemplateStringsArray, parts: unknown[]): string {
  let n = 0;
  const written = (part: unknown): string => {
    if (part instanceof Fragment) return part.text;
    if (part instanceof Rows)
      return `unnest(${part.shape.map(([, type]) => `$${++n}::${type}[]`).join(', ')}) as u (${part.shape.map(([name]) => name).join(', ')})`;
    return `$${++n}`;
  };
  return strings.reduce((all, string, i) => `${all}${written(parts[i - 1])}${string}`);
}

/** One column of a list of rows, as an array to be unnested. */
export function column<T, K extends keyof T>(rows: readonly T[], key: K): T[K][] {
  return rows.map((row) => row[key]);
}

/**
 * A statement that is planned each time. A table is empty when it is first looked at and long when it matters; the plan that is
 * kept from the one is ruinous for the other. For the same reason no such statement has a join that could be turned round.
 */
export const planned = (query: Sql): Sql => ({ ...query, name: '' });
