import { createServer, type Server } from 'node:http';
import { sql } from '../db/sql.ts';
import type { House } from '../main.ts';

/** /metrics, /healthz and /readyz on a port of their own, which the world does not see. */
export async function observe(house: House, port: number): Promise<Server> {
  house.metrics.collectProcess();
  const server = createServer((request, response) => {
    void answer(house, (request.url ?? '/').split('?')[0] as string).then(({ status, type, body }) =>
      response.writeHead(status, { 'content-type': type }).end(body),
    );
  });
  await new Promise<void>((resolve, reject) => server.once('error', reject).listen(port, house.config.host, resolve));
  return server;
}

async function answer(house: House, path: string): Promise<{ status: number; type: string; body: string }> {
  const text = (status: number, body: string) => ({ status, type: 'text/plain; charset=utf-8', body: `${body}\n` });
  if (path === '/healthz') return text(200, 'ok');
  if (path === '/readyz') {
    return house.db
      .lookup((q) => q.one(sql`select 1 as ready`))
      .then(
        () => text(200, 'ready'),
        () => text(503, 'the database does not answer'),
      );
  }
  if (path !== '/metrics') return text(404, 'not found');
  await gather(house).catch(() => undefined); // without the database the rest is still worth reading
  return { status: 200, type: house.metrics.registry.contentType, body: await house.metrics.registry.metrics() };
}

/** Figures that only the database knows, read when they are asked for. */
async function gather({ db, clock, metrics, sending }: House): Promise<void> {
  metrics.breaker.set(sending.breaker.isOpen ? 1 : 0);
  const now = clock.now();
  const [unknown] = await db.scan<{ count: bigint; oldest: Date | null }>(
    sql`select count(*) as count, min(s.sent_at) as oldest from submission s where s.outcome = 'unknown'`,
  );
  const [due] = await db.scan<{ oldest: Date | null }>(sql`select min(d.next_at) as oldest from delivery d where d.state = 'pending' and d.next_at <= ${now}`);
  const age = (oldest: Date | null | undefined) => (oldest ? Math.max(0, (now.getTime() - oldest.getTime()) / 1000) : 0);
  metrics.unknown.set(Number(unknown?.count ?? 0));
  metrics.unknownAge.set(age(unknown?.oldest));
  metrics.deliveryLag.set(age(due?.oldest));
}
