import { Agent, type buildConnector } from 'undici';
import { Blocked, type Egress, faultOf, privateEgress, publicEgress, readUrl, vettedConnector } from './net/egress.ts';
import { Exchange } from './net/exchange.ts';
import { type Net, NetError, type NetRequest } from './ports.ts';

/** A Net with connections of its own. */
export interface OpenNet extends Net {
  /** Lets what is in flight end, then closes all connections. */
  close(): Promise<void>;
}

const CONNECT_MS = 10_000;
/** URLs of endpoints that are kept as they were read. */
const MAX_URLS = 1_000;

interface Connections {
  /** connections to one origin at once; what is asked beyond it waits for one, within its time-out */
  connections?: number;
  connect: buildConnector.connector | { timeout: number };
}

/**
 * HTTP/1.1 over kept connections, one request on each at a time. Nothing is retried, redirected, decompressed or sent
 * through a proxy that the environment names; an answer has at most 16 KB of headers.
 */
function openAgent({ connections, connect }: Connections): Agent {
  return new Agent({
    ...(connections ? { connections } : {}),
    ...{ pipelining: 1, allowH2: false, maxHeaderSize: 16 * 1024 },
    ...{ headersTimeout: 0, bodyTimeout: 0 }, // the exchange has one time for all of it
    ...{ keepAliveTimeout: 4_000, keepAliveMaxTimeout: 60_000, keepAliveTimeoutThreshold: 2_000 },
    connect: connect as buildConnector.connector,
  });
}

/** Closes an agent once, however often it is asked to. */
function closing(agent: Agent): () => Promise<void> {
  let closed: Promise<void> | undefined;
  return () => (closed ??= agent.close());
}

function request(agent: Agent, url: URL, asked: NetRequest): Exchange['answer'] {
  const { method, headers, body } = asked;
  const exchange = new Exchange(asked);
  agent.dispatch({ origin: url.origin, path: `${url.pathname}${url.search}`, method, headers, ...(body === undefined ? {} : { body }) }, exchange);
  return exchange.answer;
}

/** The outside for addresses that the operator configured: the processor's. */
export function openNet({ connections = 256 }: { connections?: number } = {}): OpenNet {
  const agent = openAgent({ connections, connect: { timeout: CONNECT_MS } });
  return {
    request: async (asked) => {
      if (!URL.canParse(asked.url)) throw new NetError(`"${asked.url}" is not a URL`, false);
      return request(agent, new URL(asked.url), asked);
    },
    close: closing(agent),
  };
}

/** The outside for addresses that a merchant names: the internet, and never what lies around this machine. */
export interface GuardedNet extends OpenNet {
  /** @returns what is wrong with a URL, in words for the merchant who enters it */
  fault(url: string): Promise<string | undefined>;
}

export interface GuardOptions {
  /** tests and development: http, loopback and every port are allowed */
  allowPrivate: boolean;
  /** instead of what allowPrivate says, item by item */
  egress?: Partial<Egress>;
  /** a certificate authority beside those that are known */
  ca?: string | Buffer;
}

export function guardedNet({ allowPrivate, egress: own, ca }: GuardOptions): GuardedNet {
  const egress: Egress = { ...(allowPrivate ? privateEgress() : publicEgress()), ...own };
  // No limit for an origin: whoever calls counts what is in flight to an endpoint, and two endpoints may share an origin.
  const agent = openAgent({ connect: vettedConnector(egress, { connectMs: CONNECT_MS, ...(ca ? { ca } : {}) }) });
  // What the text of a URL says does not change; where its name leads is asked for every connection.
  const read = new Map<string, URL>();
  const urlOf = (text: string): URL => {
    let url = read.get(text);
    if (!url) {
      url = allowedUrl(text, egress);
      if (read.size >= MAX_URLS) read.clear();
      read.set(text, url);
    }
    return url;
  };
  return {
    request: async (asked) => request(agent, urlOf(asked.url), asked),
    fault: (url) => faultOf(url, egress, 2_000),
    close: closing(agent),
  };
}

/** A guarded Net that may also call one exact address, which the operator named. */
export const exceptFor = (url: string, guarded: GuardedNet, plain: OpenNet): GuardedNet => ({
  request: (asked) => (asked.url === url ? plain : guarded).request(asked),
  fault: (asked) => (asked === url ? Promise.resolve(undefined) : guarded.fault(asked)),
  close: () => guarded.close(),
});

function allowedUrl(text: string, egress: Egress): URL {
  try {
    return readUrl(text, egress);
  } catch (error) {
    throw error instanceof Blocked ? new NetError(`blocked: ${error.message}`, false) : error;
  }
}
