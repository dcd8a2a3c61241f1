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

interface Known {
  text: string;
  name: string;
  fragments: Fragment[];
}
const known = new WeakMap<TemplateStringsArray, Known>();

/** sql`select ${columns} from t where id = ${id}`: each value becomes a parameter, each fragment a part of the text. */
export function sql(strings: TemplateStringsArray, ...parts: unknown[]): Sql {
  const values = parts.filter((part) => !(part instanceof Fragment));
  const fragments = parts.filter((part) => part instanceof Fragment);
  let statement = known.get(strings);
  if (!statement || statement.fragments.some((piece, i) => piece !== fragments[i])) {
    let n = 0;
    const text = strings.reduce((all, string, i) => {
      const part = parts[i - 1];
      return `${all}${part instanceof Fragment ? part.text : `$${++n}`}${string}`;
    });
    statement = { text, name: createHash('sha256').update(text).digest('base64url').slice(0, 20), fragments };
    known.set(strings, statement);
  }
  return { text: statement.text, name: statement.name, values };
}

/** One column of a list of rows, as an array to be unnested. */
export function column<T, K extends keyof T>(rows: readonly T[], key: K): T[K][] {
  return rows.map((row) => row[key]);
}
