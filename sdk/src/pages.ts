import { sleep } from './transport.ts';

export interface Page<T> {
  data: T[];
  page: number;
  size: number;
  total: number;
}

/** All of a list that has pages. What is made meanwhile pushes others onto the next page: nothing comes twice because of it. */
export async function* allOf<T>(idOf: (one: T) => string, read: (page: number) => Promise<Page<T>>): AsyncGenerator<T, void, undefined> {
  const seen = new Set<string>();
  for (let number = 1; ; number++) {
    const { data, size } = await read(number);
    for (const one of data) {
      if (seen.has(idOf(one))) continue;
      seen.add(idOf(one));
      yield one;
    }
    if (data.length < size) return;
  }
}

export interface FeedPage<T> {
  data: T[];
  /** where to go on: keep it when you have done what follows from `data` */
  next: string;
  hasMore: boolean;
}

/** Parts of the feed that have something in them. @param pollMs look again after so long, for ever; undefined ends with what there is */
export async function* partsOf<T>(
  after: string | undefined,
  pollMs: number | undefined,
  signal: AbortSignal | undefined,
  read: (after: string | undefined) => Promise<FeedPage<T>>,
): AsyncGenerator<FeedPage<T>, void, undefined> {
  for (let cursor = after; ;) {
    const part = await read(cursor);
    cursor = part.next;
    if (part.data.length > 0) yield part;
    if (part.hasMore) continue;
    if (pollMs === undefined) return;
    await sleep(pollMs, signal);
  }
}
