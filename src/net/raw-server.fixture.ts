import { createServer, type Server, type Socket } from 'node:net';

/** A server below HTTP, for tests of what a network may do: it gets sockets, and counts connections and requests. */
export interface RawServer {
  port: number;
  connections: number;
  /** complete request heads that were read, over all connections */
  requests: string[];
  sockets: Set<Socket>;
  close(): Promise<void>;
}

/** @param onRequest told of each request, with its number on its connection, from 1; without it requests are swallowed */
export async function rawServer(
  onRequest?: (socket: Socket, count: number, server: RawServer) => void,
  options: { host?: string; port?: number; onConnection?(socket: Socket): void } = {},
): Promise<RawServer> {
  const server: Server = createServer({ noDelay: true });
  const raw: RawServer = {
    ...{ port: 0, connections: 0, requests: [], sockets: new Set() },
    close: () =>
      new Promise((resolve) => {
        for (const socket of raw.sockets) socket.destroy();
        server.close(() => resolve());
      }),
  };
  server.on('connection', (socket) => {
    raw.connections++;
    raw.sockets.add(socket);
    let count = 0;
    let text = '';
    socket.on('close', () => raw.sockets.delete(socket));
    socket.on('error', () => undefined);
    options.onConnection?.(socket);
    if (options.onConnection && !onRequest) return;
    socket.on('data', (data) => {
      text += data.toString('latin1');
      for (let end = requestEnd(text); end > 0; end = requestEnd(text)) {
        raw.requests.push(text.slice(0, end));
        text = text.slice(end);
        onRequest?.(socket, ++count, raw);
      }
    });
  });
  await new Promise<void>((resolve, reject) => server.once('error', reject).listen(options.port ?? 0, options.host ?? '127.0.0.1', resolve));
  raw.port = (server.address() as { port: number }).port;
  return raw;
}

function requestEnd(text: string): number {
  const head = text.indexOf('\r\n\r\n');
  if (head < 0) return 0;
  const length = Number(/\r\ncontent-length: (\d+)/i.exec(text.slice(0, head))?.[1] ?? 0);
  return text.length >= head + 4 + length ? head + 4 + length : 0;
}

/** A whole answer as text. */
export const httpAnswer = (body: string, { status = 200, headers = '' }: { status?: number; headers?: string } = {}): string =>
  `HTTP/1.1 ${status} X\r\ncontent-length: ${Buffer.byteLength(body)}\r\n${headers}\r\n${body}`;
