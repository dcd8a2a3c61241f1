/**
 * world.ts: a database of its own for a pair, a new merchant for each schedule, and the product as a process has it, three
 * times: the two parties, whose statements are held back, and `free`, whose are not.
 */
import { createHash } from 'node:crypto';
import pg from 'pg';
import { checks } from '../../src/audit/checks.ts';
import { systemRandom } from '../../src/clock.ts';
import { customerRoutes } from '../../src/customers/routes.ts';
import { insertCard } from '../../src/customers/cards.ts';
import { saveCustomer } from '../../src/customers/customers.ts';
import type { Db } from '../../src/db/db.ts';
import { openPostgres } from '../../src/db/postgres.ts';
import type { Sql } from '../../src/db/sql.ts';
import type { Caller } from '../../src/http/auth.ts';
import { Authenticator } from '../../src/http/auth.ts';
import type { App } from '../../src/http/room.ts';
import { createServer } from '../../src/http/server.ts';
import { Ids } from '../../src/ids.ts';
import { account, Books } from '../../src/ledger/books.ts';
import { SCOPES } from '../../src/merchants/keys.ts';
import { type Merchant, noTerms, setTerms, type Terms, theMerchant } from '../../src/merchants/merchants.ts';
import { openMerchant } from '../../src/merchants/open.ts';
import { merchantRoutes } from '../../src/merchants/routes.ts';
import type { Authorizer } from '../../src/connectors/authorizer.ts';
import { beneficiaryRoutes } from '../../src/beneficiaries/routes.ts';
import { distributionKind } from '../../src/distributions/kind.ts';
import { Distributions } from '../../src/distributions/distributions.ts';
import { orderRoutes } from '../../src/distributions/order-routes.ts';
import { distributionRoutes } from '../../src/distributions/routes.ts';
import { Invoices } from '../../src/invoices/invoices.ts';
import { payoutKind } from '../../src/payouts/kind.ts';
import { Payouts } from '../../src/payouts/payouts.ts';
import { payoutRoutes } from '../../src/payouts/routes.ts';
import { transactionRoutes } from '../../src/transactions/routes.ts';
import type { Clock, Net, NetRequest } from '../../src/ports.ts';
import { Sealer } from '../../src/sealing.ts';
import { CheckedCard } from '../../src/vault/checked-card.ts';
import { Vault } from '../../src/vault/vault.ts';
import { Sending } from '../../src/sending/sending.ts';
import { byCall } from '../../src/sending/submission.ts';
import { splitRoutes } from '../../src/splits/routes.ts';
import { Deliverer } from '../../src/webhooks/deliver.ts';
import { insertEndpoint } from '../../src/webhooks/endpoints.ts';
import type { Secrets } from '../../src/webhooks/secrets.ts';
import { Cursors } from '../../src/webhooks/feed.ts';
import { walletPayment } from '../../src/wallet/payment.ts';
import { walletRoutes } from '../../src/wallet/routes.ts';
import { Wallet } from '../../src/wallet/wallet.ts';
import { ScriptedBank } from '../harness/bank.ts';
import { ScriptedWallet } from '../harness/wallet-bank.ts';
import { databaseUrl, freshDatabase } from '../harness/template.ts';
import { type References, Stage } from './schedule.ts';

const random = systemRandom();
const masterKey = Buffer.alloc(32, 1);

/** Where invoices are paid to. */
const operatorsBank = {
  ...{ isSandbox: true, settleMs: 0, folder: '/nonexistent', batchSeconds: 60, cutOff: '16:00', version: '09' as const },
  account: { name: 'Operator', bin: '123456789012', iban: 'KZ86125KZT5004100100', bic: 'KCJBKZKX' },
};

/** Time that passes when it is told to. A sleep takes none. */
export class StillClock implements Clock {
  /** noon in Almaty: a run at any hour stays within one day of its limits */
  private at = Math.floor(Date.now() / 86_400_000) * 86_400_000 + 7 * 3_600_000;
  private ticks = 0;
  now = (): Date => new Date(this.at);
  wall = (): Date => new Date(this.at);
  monotonic = (): number => this.ticks;
  sleep = async (): Promise<void> => undefined;
  advance(ms: number): void {
    this.at += ms;
    this.ticks += ms;
  }
  set(at: Date): void {
    this.at = at.getTime();
    this.ticks += 60_000;
  }
}

export interface Answered {
  status: number;
  body: any;
  text: string;
}

/** What is the same for all processes of a scene: the bank, the receivers of webhooks, the time. */
export interface Outside {
  clock: StillClock;
  bank: ScriptedBank;
  walletBank: ScriptedWallet;
  net: Net;
  /** what was delivered, in the order of the calls */
  delivered: NetRequest[];
}

/** A process of the platform. */
export class Side {
  readonly db: Db;
  readonly ids: Ids;
  payouts!: Payouts;
  distributions!: Distributions;
  invoices!: Invoices;
  sending!: Sending;
  wallet!: Wallet;
  deliverer!: Deliverer;
  auth!: Authenticator;
  readonly app: App;
  private readonly outside: () => Outside;

  constructor(db: Db, clock: Clock, outside: () => Outside, merchants: Map<string, Merchant>) {
    this.db = db;
    this.outside = outside;
    this.ids = new Ids(clock, random);
    const quiet = { info: () => undefined, warn: () => undefined, error: () => undefined };
    // Who asks is a question of its own pairs; in the others it is nobody's statement.
    const trusting = {
      caller: async (merchantId: string): Promise<Caller> => ({
        merchant: merchants.get(merchantId) as Merchant,
        keyId: merchantId,
        kind: 'key',
        scopes: [...SCOPES],
        expiresAt: null,
      }),
    } as unknown as Authenticator;
    this.app = createServer({ auth: trusting, clock, ids: this.ids, log: quiet, requestsPerSecond: 1e9 });
    void this.app.register(async (rooms) => {
      transactionRoutes(rooms as App, { db });
      payoutRoutes(rooms as App, {
        db,
        ids: this.ids,
        payouts: { submit: (...args: Parameters<Payouts['accepted']['submit']>) => this.payouts.accepted.submit(...args) } as Payouts['accepted'],
      });
      walletRoutes(rooms as App, {
        db,
        wallet: {
          authorize: (...args: Parameters<Wallet['authorize']>) => this.wallet.authorize(...args),
          operate: (...args: Parameters<Wallet['operate']>) => this.wallet.operate(...args),
        } as Wallet,
        webhooks: { cursors: new Cursors(masterKey) },
      });
      const distributions = {
        accepted: { submit: (...args: Parameters<Distributions['accepted']['submit']>) => this.distributions.accepted.submit(...args) },
        acceptBulk: (...args: Parameters<Distributions['acceptBulk']>) => this.distributions.acceptBulk(...args),
        way: (mode: 'test' | 'live') => this.distributions.way(mode),
      } as Distributions;
      distributionRoutes(rooms as App, { db, ids: this.ids, distributions });
      orderRoutes(rooms as App, { db, ids: this.ids, clock, distributions });
      beneficiaryRoutes(rooms as App, { db, ids: this.ids, clock });
      splitRoutes(rooms as App, { db, ids: this.ids, clock, paymentOf: walletPayment });
      customerRoutes(rooms as App, { db, ids: this.ids, clock });
      merchantRoutes(rooms as App, { db, ids: this.ids, clock, onClock: () => undefined, random, config: { masterKey: Buffer.alloc(32) } });
    });
    this.renew();
  }

  /** As after a restart: nothing is remembered. */
  renew(): void {
    const { db, ids, outside } = this;
    const { clock } = outside();
    const connector = {
      name: 'processor',
      limits: () => outside().bank.limits(),
      send: (...args: Parameters<ScriptedBank['send']>) => outside().bank.send(...args),
      inquire: (reference: string) => outside().bank.inquire(reference),
      cancel: (reference: string) => outside().bank.cancel(reference),
    };
    const grouping = { turn: (next: () => void) => next(), gatherMs: 0 };
    const openCards = async (_: string, tokens: string[]) =>
      new Map(
        tokens.map((token) => [
          token,
          {
            use: <T>(work: (card: { pan: string; expiryMonth: number; expiryYear: number }) => Promise<T>) =>
              work({ pan: '4111111111111111', expiryMonth: 12, expiryYear: 2039 }),
          },
        ]),
      );
    const steady = { bytes: random.bytes, fraction: () => 0 };
    this.payouts = new Payouts({ db, clock, ids, connector: connector.name, grouping });
    this.distributions = new Distributions({ db, clock, ids, way: () => byCall(connector.name), grouping });
    this.invoices = new Invoices({ db, clock, ids, bank: operatorsBank, publicUrl: 'http://localhost', masterKey });
    this.sending = new Sending({ db, clock, random: steady, ids, connector, kinds: [payoutKind(openCards), distributionKind], timeoutMs: 1_000, grouping });
    const authorizer: Authorizer = {
      name: 'processor',
      limits: () => outside().walletBank.limits(),
      authorize: (request) => outside().walletBank.authorize(request),
      inquireAuthorization: (reference) => outside().walletBank.inquireAuthorization(reference),
      operate: (operation) => outside().walletBank.operate(operation),
      inquireOperation: (reference) => outside().walletBank.inquireOperation(reference),
    };
    this.wallet = new Wallet({ db, clock, random: steady, ids, authorizer, sealer: new Sealer(masterKey, 'wallet', random), timeoutMs: 1_000, grouping });
    const secrets = { signing: () => ({ keys: [Buffer.alloc(32)], webhookToken: 'whk' }) } as unknown as Secrets;
    this.deliverer = new Deliverer({ db, clock, random: steady, net: { request: (request) => outside().net.request(request) }, secrets, grouping });
    this.auth = new Authenticator(db, clock);
  }

  post(merchantId: string, path: string, body: unknown, key?: string): Promise<Answered> {
    return this.request('POST', merchantId, path, body, key);
  }

  async request(method: 'POST' | 'PATCH' | 'DELETE', merchantId: string, path: string, body?: unknown, key?: string): Promise<Answered> {
    await this.app.ready();
    const json = body === undefined ? {} : { 'content-type': 'application/json' };
    const headers = { authorization: merchantId, ...json, ...(key ? { 'idempotency-key': key } : {}) };
    const answer = await this.app.inject({ method, url: path, headers, ...(body === undefined ? {} : { payload: JSON.stringify(body) }) });
    return { status: answer.statusCode, text: answer.body, body: answer.body === '' ? undefined : JSON.parse(answer.body) };
  }

  /** Does all that is due of a merchant's payouts, as a worker would in one round. */
  async work(merchantId: string, limit = 16): Promise<number> {
    const pieces = await this.sending.queue.take(merchantId, limit);
    await Promise.all(pieces);
    return pieces.length;
  }

  /** Sends and asks what is due of a merchant's wallet payments, as a worker would in one round. */
  async workWallet(merchantId: string, limit = 16): Promise<number> {
    const pieces = await this.wallet.queue.take(merchantId, limit);
    await Promise.all(pieces);
    return pieces.length;
  }

  async deliver(merchantId: string, limit = 16): Promise<number> {
    const pieces = await this.deliverer.takeDue(merchantId, limit);
    return (await Promise.all(pieces)).filter(Boolean).length;
  }
}

/** What a pair makes once, on the merchant that all others are copies of. */
export class Founder {
  readonly side: Side;
  readonly merchantId: string;
  readonly cardToken: string;
  private readonly outside: Outside;

  constructor(side: Side, merchantId: string, cardToken: string, outside: Outside) {
    this.side = side;
    this.merchantId = merchantId;
    this.cardToken = cardToken;
    this.outside = outside;
  }

  async topUp(amount: bigint, currency = 'KZT', to = account('available', currency)): Promise<void> {
    const { clock } = this.outside;
    await this.side.db.merchant(this.merchantId, async (tx) => {
      const [world, available] = [account('world', currency), to];
      const books = await Books.lock(tx, [available, world], clock.now());
      books.post({ objectId: this.side.ids.uuid(), kind: 'topup', from: world, to: available, amount });
      await books.write();
    });
  }

  terms(terms: Partial<Terms>, currency = 'KZT'): Promise<number> {
    return this.side.db.merchant(this.merchantId, (tx) => setTerms(tx, { ...noTerms(currency), ...terms }));
  }

  async payout(amount: number, currency = 'KZT'): Promise<string> {
    const { status, body } = await this.side.post(this.merchantId, '/v1/payout', { tokenId: this.cardToken, amount, currency });
    if (status !== 201) throw new Error(JSON.stringify(body));
    return body.id as string;
  }

  /** The payouts that are due are sent; the bank's answers never come. */
  async sendInVain(): Promise<void> {
    this.outside.bank.script = { send: () => ({ kind: 'unknown', why: 'no answer' }) };
    await this.side.work(this.merchantId);
    this.outside.bank.script = {};
  }

  /** Customers are asked for their consent; the bank's answers never come. */
  async askInVain(): Promise<void> {
    this.outside.walletBank.script = { authorize: () => ({ kind: 'unknown', why: 'no answer' }) };
    await this.side.workWallet(this.merchantId);
    this.outside.walletBank.script = {};
  }

  async endpoint(events: string[] = []): Promise<string> {
    const id = this.side.ids.uuid();
    await this.side.db.merchant(this.merchantId, (tx) =>
      insertEndpoint(
        tx,
        id,
        Buffer.alloc(32),
        { url: 'https://shop.example/hook', description: '', events, legacyWrappedIds: false },
        this.outside.clock.now(),
      ),
    );
    return id;
  }
}

/** One schedule's merchant, with everything around it. */
export interface Scene<T> extends Outside {
  merchantId: string;
  cardToken: string;
  /** what the founder made, under the names that it has here */
  made: T;
  /** a process whose statements nobody holds back */
  free: Side;
  /** as the owner, past all guards */
  rows<R>(text: string, values?: unknown[]): Promise<R[]>;
}

const FUTURE_MS = 60_000;

/** The database and the processes. Pairs follow one another in it, each with merchants of its own. */
export class World {
  readonly stage: Stage;
  readonly sides: [Side, Side];
  readonly free: Side;
  readonly url: string;
  readonly owner: pg.Client;
  readonly merchants: Map<string, Merchant>;
  /** What surrounds the processes now. */
  outside: Outside;
  private readonly checker: pg.Client;
  private readonly dbs: Db[];
  private readonly vault: Vault;

  private constructor(url: string, owner: pg.Client, checker: pg.Client, stage: Stage, spoil?: (text: string) => string) {
    const name = new URL(url).pathname.slice(1);
    const as = (role: string) => databaseUrl(url, name, role);
    // One connection: a process that needed two at once for one piece of work would wait for itself here, for ever.
    const open = (at: string, role = 'tolem_app') =>
      openPostgres({ url: at, role, poolSize: 1, lockTimeoutMs: 60_000, statementTimeoutMs: 60_000, onError: () => undefined });
    const [db, vaultDb] = [open(as('tolem_app')), open(as('tolem_vault'), 'tolem_vault')];
    const [first, second] = stage.parties.map(({ gate }) => open(gate.url)) as [Db, Db];
    const clock = new StillClock();
    [this.url, this.owner, this.checker, this.stage] = [url, owner, checker, stage];
    this.dbs = [db, vaultDb, first, second];
    this.merchants = new Map();
    this.outside = newOutside(clock);
    const side = (of: Db) => new Side(of, clock, () => this.outside, this.merchants);
    this.free = side(db);
    this.sides = [side(spoil ? spoilt(first, spoil) : first), side(spoil ? spoilt(second, spoil) : second)];
    this.vault = new Vault({ db: vaultDb, masterKey, clock, random, ids: this.free.ids });
  }

  /** @param spoil changes the product's statements: to show that what is wrong is found */
  static async open(postgres: string, spoil?: (text: string) => string): Promise<World> {
    const url = await freshDatabase(postgres);
    const name = new URL(url).pathname.slice(1);
    const owner = await connected(url);
    await owner.query(`alter database ${name} set deadlock_timeout = '20ms'`); // how soon PostgreSQL looks; we wait until it has
    await owner.query(CHECKER);
    const checker = await connected(url);
    await checker.query('set role tolem_some; set search_path = audit_v1; set enable_nestloop = off');
    return new World(url, owner, checker, await Stage.open(url, databaseUrl(url, name, 'tolem_app')), spoil);
  }

  /** A merchant as the pair wishes it, to be copied for each schedule. */
  async found<T extends Record<string, string>>(wish: (founder: Founder) => Promise<T>): Promise<Line<T>> {
    for (const side of [this.free, ...this.sides]) side.renew();
    const founder = await settle(this.free, this.vault, this.outside);
    this.merchants.set(founder.merchantId, await this.free.db.merchant(founder.merchantId, theMerchant));
    return new Line(this, founder, await wish(founder));
  }

  /** @returns the rules that the rows of these merchants break */
  async broken(merchantIds: string[]): Promise<string[]> {
    await this.checker.query(`set tolem.merchants = '${merchantIds.join()}'`);
    const { rows } = await this.checker.query<{ id: string; violations: number }>({ name: 'rules', text: RULES });
    return rows.filter(({ violations }) => violations > 0).map(({ id, violations }) => `${id} (${violations})`);
  }

  /** Which tables a write of a table looks up, or locks. */
  async references(): Promise<References> {
    const { rows } = await this.owner.query<{ from: string; to: string[] }>(`
      select conrelid::regclass::text as from, array_agg(distinct confrelid::regclass::text) as to from pg_constraint where contype = 'f' group by 1`);
    const bare = (name: string) => name.replace(/^tolem\./, '');
    return new Map(rows.map(({ from, to }) => [bare(from), to.map(bare)]));
  }

  async close(): Promise<void> {
    await Promise.all([this.free, ...this.sides].map(({ app }) => app.close()));
    await this.stage.close();
    await Promise.all([...this.dbs.map((db) => db.close()), this.owner.end(), this.checker.end()]);
  }
}

/** A founder and its copies. */
export class Line<T extends Record<string, string>> {
  readonly world: World;
  private readonly founder: Founder;
  private readonly made: T;
  private readonly founded: Date;
  private readonly spare: string[] = [];
  private batch = 16;

  constructor(world: World, founder: Founder, made: T) {
    this.world = world;
    this.founder = founder;
    this.made = made;
    this.founded = world.outside.clock.now();
  }

  /** A new merchant, exactly as the founder is, and the processes as after a restart. */
  async scene(): Promise<Scene<T>> {
    if (this.spare.length === 0) await this.breed();
    const { world, made } = this;
    const id = this.spare.pop() as string;
    world.outside.clock.set(new Date(this.founded.getTime() + FUTURE_MS)); // so that what the founder left for later is due
    world.outside = newOutside(world.outside.clock);
    for (const side of [world.free, ...world.sides]) side.renew();
    const mine = Object.fromEntries(Object.entries(made).map(([name, value]) => [name, renamed(id, value)])) as T;
    return {
      ...world.outside,
      merchantId: id,
      cardToken: renamed(id, this.founder.cardToken),
      made: mine,
      free: world.free,
      rows: async (text, values) => (await world.owner.query(text, values)).rows,
    };
  }

  /** Copies the founder, row by row; every id in it becomes another, the same everywhere in a copy. */
  private async breed(): Promise<void> {
    const { owner, free, merchants } = this.world;
    const fresh = Array.from({ length: this.batch }, () => ({ id: free.ids.uuid(), code: free.ids.code(8) }));
    const { rows: columns } = await owner.query<{ table: string; column: string; type: string }>(`
      select a.attrelid::regclass::text as table, quote_ident(a.attname) as column, a.atttypid::regtype::text as type
      from pg_attribute a join pg_class c on c.oid = a.attrelid join pg_namespace n on n.oid = c.relnamespace
      where n.nspname in ('tolem', 'vault') and c.relkind = 'r' and a.attnum > 0 and not a.attisdropped
        and exists (select from pg_attribute m where m.attrelid = c.oid and m.attname = 'merchant_id')
      order by a.attrelid, a.attnum`);
    await owner.query('begin; set local session_replication_role = replica');
    for (const table of new Set(columns.map((column) => column.table))) {
      const list = columns.filter((column) => column.table === table);
      const values = list.map(({ column, type }) => {
        if (column === 'merchant_id') return 'x.id';
        if (column === 'code' && table === 'tolem.merchant') return 'x.code';
        if (type === 'uuid') return `md5(x.id || t.${column})::uuid`;
        // A beneficiary's account has the beneficiary's id in its own.
        if (/^(tolem\.account\.id|tolem\.transfer\.(from|to)_account)$/.test(`${table}.${column}`))
          return `case when t.${column} like 'beneficiary:%' then 'beneficiary:' || md5(x.id || substr(t.${column}, 13, 36))::uuid || substr(t.${column}, 49) else t.${column} end`;
        // And what a payment brought has the payment's.
        if (/^tolem\.(income|split_request)\.source$/.test(`${table}.${column}`))
          return `case when t.${column} like 'payment/%' then 'payment/' || md5(x.id || substr(t.${column}, 9))::uuid else t.${column} end`;
        return column === 'object_id' ? `md5(x.id || t.${column})::uuid::text` : `t.${column}`;
      });
      await owner.query(
        `insert into ${table} (${list.map(({ column }) => column).join(', ')}) select ${values.join(', ')} from ${table} t, unnest($1::text[], $2::text[]) as x (id, code) where t.merchant_id = $3`,
        [fresh.map(({ id }) => id), fresh.map(({ code }) => code), this.founder.merchantId],
      );
    }
    await owner.query('insert into tolem.merchant_code (code, merchant) select * from unnest($1::text[], $2::text[])', [
      fresh.map(({ code }) => code),
      fresh.map(({ id }) => id),
    ]);
    await owner.query('commit');
    const like = merchants.get(this.founder.merchantId) as Merchant;
    for (const { id, code } of fresh) merchants.set(id, { ...like, id, code });
    this.spare.push(...fresh.map(({ id }) => id));
    this.batch = Math.min(512, this.batch * 4);
  }
}

/** The same database, asked something else. */
function spoilt(db: Db, spoil: (text: string) => string): Db {
  const worse = ({ text, name, values }: Sql): Sql => (spoil(text) === text ? { text, name, values } : { text: spoil(text), name: `spoilt ${name}`, values });
  return {
    ...db,
    merchant: (merchantId, work) =>
      db.merchant(merchantId, (tx) =>
        work({
          merchantId,
          rows: (query) => tx.rows(worse(query)),
          one: (query) => tx.one(worse(query)),
          maybe: (query) => tx.maybe(worse(query)),
          run: (query) => tx.run(worse(query)),
        }),
      ),
  };
}

/** The name that something of the founder's has with another merchant. */
function renamed(merchantId: string, value: string): string {
  if (!/^[0-9a-f]{8}-(?:[0-9a-f]{4}-){3}[0-9a-f]{12}$/.test(value)) return value;
  const hex = createHash('md5')
    .update(merchantId + value)
    .digest('hex');
  return [hex.slice(0, 8), hex.slice(8, 12), hex.slice(12, 16), hex.slice(16, 20), hex.slice(20)].join('-');
}

/** A role that sees through the audit views what some merchants own: a policy of the tables lets it see no more. */
const CHECKER = `do $$ begin create role tolem_some; exception when duplicate_object or unique_violation then null; end $$;
  grant usage on schema tolem, vault, audit_v1 to tolem_some;
  grant select on all tables in schema tolem, vault, audit_v1 to tolem_some;
  do $$ declare t regclass; begin
    for t in select c.oid from pg_class c where c.relrowsecurity loop
      execute format('create policy part on %s for select to tolem_some using (merchant_id = any (string_to_array(current_setting(''tolem.merchants'', true), '','')))', t);
    end loop;
  end $$`;

/** All rules that are about rows, as one statement. */
const RULES = checks
  .filter(({ query }) => !/\bpg_|information_schema|has_table_privilege/.test(query))
  .map(({ id, query }) => `select '${id}' as id, count(*)::int as violations from (${query}) q`)
  .join('\nunion all\n');

async function connected(url: string): Promise<pg.Client> {
  const client = new pg.Client({ connectionString: url, application_name: 'interleave' });
  await client.connect();
  return client;
}

function newOutside(clock: StillClock): Outside {
  const delivered: NetRequest[] = [];
  const net: Net = {
    async request(request) {
      delivered.push(request);
      return { status: 200, headers: {}, body: Buffer.alloc(0), truncated: false };
    },
  };
  return { clock, bank: new ScriptedBank(), walletBank: new ScriptedWallet(), net, delivered };
}

/** A merchant with a saved card, made by the product itself. */
async function settle(side: Side, vault: Vault, outside: Outside): Promise<Founder> {
  const { clock } = outside;
  const { merchantId } = await openMerchant(side.db, side.ids, new Sealer(masterKey, 'webhooks', random), { name: 'Shop', mode: 'test', now: clock.now() });
  const card = vault.read({ number: '4111111111111111', expiryMonth: '12', expiryYear: '2039' });
  if (!(card instanceof CheckedCard)) throw new Error('the card is none');
  const id = side.ids.uuid();
  const fingerprint = await vault.store(merchantId, id, card);
  await side.db.merchant(merchantId, async (tx) => {
    const { customer } = await saveCustomer(tx, { externalUserId: 'first' }, side.ids, clock.now());
    await insertCard(tx, { id, customerId: customer.id, ...card.face, fingerprint, createdAt: clock.now() });
  });
  return new Founder(side, merchantId, id, outside);
}
