/**
 * wire.ts: stands between a pool of the product and PostgreSQL, and holds each statement back until it is let go. It speaks only
 * as much of the protocol as tells where a statement ends and where its answer does, so the product runs as it is: its own
 * pool, its pipelines, its retries.
 */
import { mkdtempSync, rmSync } from 'node:fs';
import { createServer, connect, type Server, type Socket } from 'node:net';
import { join } from 'node:path';
import { scratch } from '../scratch.ts';

/** A statement that the product has sent. */
export interface Statement {
  wire: Wire;
  /** the connection's, as PostgreSQL counts processes */
  pid: number;
  /** its text, where it was prepared before too */
  text: string;
  bytes: Buffer;
  state: 'held' | 'running' | 'answered' | 'lost';
  /** SQLSTATE, where it failed */
  failed?: string;
  /** of the transaction after it: I none, T open, E failed */
  status?: string;
}

export interface WireEvents {
  /** Something happened that a controller may have waited for. */
  changed(): void;
}

/** One connection of the pool. */
export class Wire {
  pid = 0;
  status = 'I';
  open = true;
  /** the tables that its transaction has written or locked */
  wrote = new Set<string>();
  readonly statements: Statement[] = [];
  /** The answer to the statement in flight never reaches the product. */
  muted = false;
  private readonly gate: Gate;
  private readonly client: Socket;
  private readonly server: Socket;
  private ready = false;
  private fromClient: Buffer = Buffer.alloc(0);
  private fromServer: Buffer = Buffer.alloc(0);
  private collected: Buffer[] = [];
  private text = '';
  private readonly names = new Map<string, string>();

  constructor(gate: Gate, client: Socket, server: Socket) {
    this.gate = gate;
    this.client = client;
    this.server = server;
    client.on('data', (chunk) => this.heardClient(chunk));
    server.on('data', (chunk) => this.heardServer(chunk));
    for (const socket of [client, server]) {
      socket.on('error', () => undefined);
      socket.on('close', () => this.closed());
    }
  }

  get inFlight(): Statement | undefined {
    return this.statements.find(({ state }) => state === 'running');
  }

  letGo(statement: Statement): void {
    statement.state = 'running';
    this.server.write(statement.bytes);
  }

  cut(): void {
    this.client.destroy();
    this.server.destroy();
  }

  private closed(): void {
    if (!this.open) return;
    this.open = false;
    for (const statement of this.statements) statement.state = 'lost';
    this.statements.length = 0;
    this.server.destroy();
    this.client.end(); // what PostgreSQL said last still arrives
    this.gate.forget(this);
  }

  private heardClient(chunk: Buffer): void {
    if (!this.ready) return void this.server.write(chunk); // the opening of a connection is nobody's statement
    this.fromClient = this.fromClient.length > 0 ? Buffer.concat([this.fromClient, chunk]) : chunk;
    for (let message = take(this.fromClient); message; message = take(this.fromClient)) {
      this.fromClient = message.rest;
      this.message(message.type, message.bytes);
    }
  }

  private message(type: string, bytes: Buffer): void {
    if (type === 'X') return void this.server.write(bytes);
    this.collected.push(bytes);
    if (type === 'Q') this.text = cString(bytes, 5);
    if (type === 'P') {
      const name = cString(bytes, 5);
      this.text = cString(bytes, 5 + Buffer.byteLength(name) + 1);
      this.names.set(name, this.text);
    }
    if (type === 'B') {
      const portal = cString(bytes, 5);
      this.text = this.names.get(cString(bytes, 5 + Buffer.byteLength(portal) + 1)) ?? this.text;
    }
    if (type !== 'Q' && type !== 'S') return;
    this.statements.push({ wire: this, pid: this.pid, text: this.text, bytes: Buffer.concat(this.collected), state: 'held' });
    this.collected = [];
    this.gate.events.changed();
  }

  private heardServer(chunk: Buffer): void {
    this.fromServer = this.fromServer.length > 0 ? Buffer.concat([this.fromServer, chunk]) : chunk;
    if (!this.muted) this.client.write(chunk);
    for (let message = take(this.fromServer); message; message = take(this.fromServer)) {
      this.fromServer = message.rest;
      const { type, bytes } = message;
      if (type === 'K') this.pid = bytes.readInt32BE(5);
      if (type === 'E' && this.inFlight) this.inFlight.failed = errorCode(bytes);
      if (type === 'Z') this.answered(String.fromCharCode(bytes[5] as number));
    }
  }

  private answered(status: string): void {
    this.status = status;
    this.ready = true;
    const statement = this.statements.shift();
    if (statement) {
      statement.state = 'answered';
      statement.status = status;
    }
    this.gate.events.changed();
  }
}

/** A PostgreSQL, to all appearances, that answers when it is allowed to. */
export class Gate {
  readonly url: string;
  readonly events: WireEvents;
  readonly wires = new Set<Wire>();
  /** Nobody gets in: the process that would is dead. */
  shut = false;
  private readonly server: Server;
  private readonly directory: string;

  private constructor(server: Server, directory: string, url: string, events: WireEvents) {
    this.server = server;
    this.directory = directory;
    this.url = url;
    this.events = events;
  }

  /** @param url of the database, as the product would be given it */
  static async open(url: string, events: WireEvents): Promise<Gate> {
    const target = new URL(url);
    const port = Number(target.port || 5432);
    const host = target.searchParams.get('host') ?? target.hostname;
    const directory = mkdtempSync(join(scratch, 'tolem-gate-'));
    const server = createServer();
    await new Promise<void>((resolve, reject) => server.once('error', reject).listen(join(directory, '.s.PGSQL.5432'), resolve));
    target.searchParams.set('host', directory);
    target.hostname = 'localhost';
    target.port = '5432';
    const gate = new Gate(server, directory, target.href, events);
    server.on('connection', (client) => {
      if (gate.shut) return void client.destroy();
      const upstream = host.startsWith('/') ? connect(join(host, `.s.PGSQL.${port}`)) : connect({ host, port, noDelay: true });
      gate.wires.add(new Wire(gate, client, upstream));
    });
    return gate;
  }

  forget(wire: Wire): void {
    this.wires.delete(wire);
    this.events.changed();
  }

  async close(): Promise<void> {
    for (const wire of this.wires) wire.cut();
    await new Promise((resolve) => this.server.close(resolve));
    rmSync(this.directory, { recursive: true, force: true });
  }
}

function take(buffer: Buffer): { type: string; bytes: Buffer; rest: Buffer } | undefined {
  if (buffer.length < 5) return undefined;
  const end = 1 + buffer.readInt32BE(1);
  if (buffer.length < end) return undefined;
  return { type: String.fromCharCode(buffer[0] as number), bytes: buffer.subarray(0, end), rest: buffer.subarray(end) };
}

const cString = (bytes: Buffer, from: number): string => bytes.toString('utf8', from, bytes.indexOf(0, from));

/** The SQLSTATE among the fields of an ErrorResponse. */
function errorCode(bytes: Buffer): string | undefined {
  for (let at = 5; bytes[at] !== 0 && at < bytes.length;) {
    const field = String.fromCharCode(bytes[at] as number);
    const value = cString(bytes, at + 1);
    if (field === 'C') return value;
    at += 2 + Buffer.byteLength(value);
  }
  return undefined;
}
