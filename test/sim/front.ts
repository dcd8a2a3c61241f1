import { buildApp } from '../../src/app.ts';
import type { Config } from '../../src/config.ts';
import type { App } from '../../src/http/room.ts';
import type { House } from '../../src/main.ts';

/**
 * The HTTP stack of one API process. It is the real one and takes half a second to build, so it is built once and handed on:
 * from one process to the next, and from seed to seed. Everything behind it is looked up at each call in the house that
 * stands there now; a request of a house that is gone waits for its ports for ever and goes no further.
 */
export class Front {
  private house: House | undefined;
  private base = 0;
  private app!: App;

  static async build(config: Config): Promise<Front> {
    const front = new Front();
    const of = <K extends keyof House>(name: K): House[K] =>
      following(
        () => front.now()[name],
        () => front.now(),
      );
    // Durations only grow, from seed to seed too: what the stack counts by them must not see one seed's end in the next.
    const clock = {
      ...Object.fromEntries(
        (['now', 'wall', 'sleep'] as const).map((name) => [name, (...args: never[]) => (front.now().clock[name] as (...args: never[]) => unknown)(...args)]),
      ),
      monotonic: () => front.base + front.now().clock.monotonic(),
    };
    const names = ['random', 'db', 'ids', 'log', 'auth', 'vault', 'cards', 'payouts', 'distributions', 'wallet', 'sending', 'webhooks'] as const;
    const house = {
      ...Object.fromEntries(names.map((name) => [name, of(name)])),
      ...{ clock, config, connector: { name: 'processor' }, requestsPerSecond: config.requestsPerSecond },
      ...{ onAnswer: () => undefined, onClock: () => undefined },
    } as unknown as House;
    front.app = await buildApp(house);
    return front;
  }

  /** Another seed begins: its time starts anew. */
  renew(): void {
    this.house = undefined;
    this.base += 10 ** 12;
  }

  /** From now on requests go to this house; to none while its process is down. */
  stand(house: House | undefined): void {
    this.house = house;
  }

  async request(
    method: 'GET' | 'POST' | 'PATCH',
    url: string,
    headers: Record<string, string>,
    body?: string,
  ): Promise<{ status: number; text: string; headers: Record<string, string> }> {
    const answer = await this.app.inject({
      method,
      url,
      headers: { ...headers, ...(body === undefined ? {} : { 'content-type': 'application/json' }) },
      ...(body === undefined ? {} : { payload: body }),
    });
    return { status: answer.statusCode, text: answer.body, headers: answer.headers as Record<string, string> };
  }

  private now(): House {
    if (!this.house) throw new Error('no process stands behind this front');
    return this.house;
  }
}

/** Stands for what may be another thing at each use: an object, or a function of one. */
function following<T>(get: () => T, owner: () => unknown = () => undefined): T {
  return new Proxy((() => undefined) as unknown as object, {
    get(_, name) {
      const member = () => (get() as Record<PropertyKey, unknown>)[name];
      const value = isThere(get) ? member() : undefined;
      const isPlain = isThere(get) && (value === null || !['object', 'function'].includes(typeof value));
      return isPlain ? value : following(member, get);
    },
    apply: (_, __, args: unknown[]) => (get() as (...args: unknown[]) => unknown).apply(owner(), args),
  }) as T;
}

/** While the server is built, nobody stands behind it yet. */
function isThere(get: () => unknown): boolean {
  try {
    return get() !== undefined;
  } catch {
    return false;
  }
}
