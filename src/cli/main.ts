import { Command, InvalidArgumentError, Option } from 'commander';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { styleText } from 'node:util';
import { MigrationError } from '../db/migrate.ts';
import { EmbeddedError } from '../embedded/errors.ts';
import { ConfigError } from '../config.ts';
import { ApiError } from '../errors.ts';
import { root } from '../root.ts';
import type { Format } from './books.ts';
import { heard } from './heard.ts';

/** A command's code is loaded when the command is given: help and `migrate` need not wait for a whole server. */
const books = () => import('./books.ts');
const merchants = () => import('./merchants.ts');
const operate = () => import('./operate.ts');
const parts = () => import('./parts.ts');

const program = new Command('tolem')
  .description('Payouts on books that balance. Settings come from the environment: see "tolem config".')
  .version((JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as { version: string }).version)
  .showHelpAfterError('(see tolem --help)')
  .configureHelp({ sortSubcommands: false });

program
  .command('start')
  .description('everything at once: database, sandbox bank, API, worker, and a sandbox merchant')
  .action(async () => (await import('./start.ts')).runStart());
program
  .command('serve')
  .description('the API alone')
  .action(async () => (await parts()).runServe());
program
  .command('work')
  .description('the worker alone: sends payouts, asks what became of them, delivers webhooks')
  .action(async () => (await parts()).runWork());
program
  .command('bank')
  .description('the sandbox bank alone, a server of processor protocol v1')
  .option('--port <port>', 'port to listen on; 0 for any that is free', port, 8081)
  .option('--host <host>', 'address to listen on', '127.0.0.1')
  .option('--data-dir <folder>', 'where its journal is kept (DATA_DIR/bank)')
  .option('--callback-url <url>', 'who is called back (PUBLIC_URL/callbacks/processor)')
  .action(async (options) => (await parts()).runSandboxBank(options));
program
  .command('migrate')
  .description('bring the database to this version')
  .action(async () => (await operate()).runMigrate());
program
  .command('config')
  .description('every setting: what it is for, and what it is now')
  .action(async () => (await operate()).showConfig());

const merchant = program.command('merchant').description('merchants');
merchant
  .command('create')
  .description('open a merchant; its keys are shown once')
  .requiredOption('--name <name>', 'what it is called')
  .addOption(new Option('--mode <mode>', 'test or live').choices(['test', 'live']).default('test'))
  .option('--bin <number>', 'its business number, 12 digits')
  .option('--organisation <id>', 'of an organisation that has a merchant already')
  .option('--json', 'as JSON')
  .action(async (options) => (await merchants()).createMerchant(options));
merchant
  .command('terms')
  .description('limits and fees of a merchant in a currency, in minor units')
  .requiredOption('--merchant <id>', 'the merchant')
  .option('--currency <code>', 'ISO 4217', 'KZT')
  .option('--min <amount>', 'smallest payout', minor)
  .option('--max <amount>', 'largest payout', minor)
  .option('--daily <amount>', 'all payouts of a day', minor)
  .option('--card-daily <amount>', 'all payouts of a day to one card', minor)
  .option('--fee <amount>', 'fee for each payout', minor)
  .option('--fee-bps <points>', 'and hundredths of a percent of its amount', minor)
  .action(async (options) => (await merchants()).setTermsOf(options));

program
  .command('webhook')
  .description('webhooks')
  .command('set')
  .description('send the events of a merchant to a URL; the signing secret is shown once')
  .requiredOption('--merchant <id>', 'the merchant')
  .requiredOption('--url <url>', 'where to')
  .option('--json', 'as JSON')
  .action(async (options) => (await merchants()).setWebhook(options));

program
  .command('verify')
  .description('ask every rule of the books; exit 1 where one is broken')
  .option('--json', 'as JSON')
  .action(async (options) => (await operate()).runVerify(options));
const ofBooks = program.command('books').description('the books');
ofBooks
  .command('statement')
  .description('the entries of an account up to a time, newest first, each with the balance after it')
  .requiredOption('--merchant <id>', 'the merchant')
  .option('--account <account>', 'available/KZT, held/KZT, clearing:processor/KZT, fees/KZT …', 'available/KZT')
  .option('--as-of <time>', 'up to this moment, as in 2026-01-31T23:59:59Z')
  .option('--limit <count>', 'how many', minor, 50n)
  .action(async (options) => (await books()).printStatement(options));
ofBooks
  .command('export')
  .description('the journal, for an accounting program that knows nothing of this one')
  .addOption(new Option('--format <format>', 'for which program').choices(['hledger', 'ledger', 'beancount']).default('hledger'))
  .action(async ({ format }: { format: Format }) => (await books()).exportBooks(format));
program
  .command('explain <id>')
  .description(
    'everything about a payout, a distribution or a wallet payment: states, postings, what the processor said, webhooks, how it sums; of MERCHANT/available/KZT: why a balance is what it is; exit 1 where numbers do not add up',
  )
  .action(async (id: string) => (await import('./explain/explain.ts')).explain(id));
program
  .command('distributions')
  .description('distributions to bank accounts')
  .command('import <file>')
  .description('make a distribution of each row of a CSV file; given again, it pays nothing twice')
  .requiredOption('--merchant <id>', 'whose balance they are taken from')
  .option('--json', 'as JSON')
  .action(async (file: string, options: { merchant: string; json?: boolean }) => (await import('./distributions.ts')).importDistributions(file, options));
program
  .command('reconcile')
  .description('what the bank says beside what the books say, and what is left over; exit 1 where something is')
  .option('--json', 'as JSON')
  .action(async (options) => (await import('./reconcile.ts')).reconcile(options));
program
  .command('unknown')
  .description('what was sent and nobody knows the outcome of, and incidents that wait for a person')
  .option('--json', 'as JSON')
  .action(async (options) => (await operate()).showUnknown(options));
program
  .command('vault')
  .description('the vault')
  .command('rotate')
  .description('new data keys for all cards; with OLD_MASTER_KEY set, under the new MASTER_KEY')
  .action(async () => (await operate()).runVaultRotate());

function minor(text: string): bigint {
  if (!/^\d{1,15}$/.test(text)) throw new InvalidArgumentError('a whole number of minor units');
  return BigInt(text);
}

function port(text: string): number {
  if (!/^\d{1,5}$/.test(text) || Number(text) > 65_535) throw new InvalidArgumentError('a port, from 0 to 65535');
  return Number(text);
}

// Whoever reads us has read enough, as in "tolem books export | head".
process.stdout.on('error', (error: NodeJS.ErrnoException) => process.exit(error.code === 'EPIPE' ? 0 : 1));
try {
  await program.parseAsync();
} catch (error) {
  const words = wordsFor(error as NodeJS.ErrnoException & { address?: string; port?: number });
  const color = process.stderr.isTTY && !process.env.NO_COLOR;
  process.stderr.write(`\n  ${color ? styleText('red', 'tolem:') : 'tolem:'} ${words}\n\n`);
  await heard();
  process.exit(1);
}
// A command that was not told to stay is done as soon as it was heard; nothing that it left open keeps it.
if (!['start'].includes(process.argv[2] ?? '')) {
  await heard();
  process.exit();
}

/** What the person at the keyboard can act on is a sentence; our own mistakes come with their stack. */
function wordsFor(error: NodeJS.ErrnoException & { address?: string; port?: number }): string {
  const { message, stack, syscall, code, address, port } = error;
  if (
    error instanceof ConfigError ||
    error instanceof EmbeddedError ||
    error instanceof MigrationError ||
    error instanceof ApiError ||
    error.name === 'VaultError'
  )
    return message;
  if (syscall === 'listen')
    return `cannot listen on ${address}:${port}: ${code === 'EADDRINUSE' ? 'something else does already' : code}. See PORT, HOST and METRICS_PORT`;
  if (code === 'ERR_SOCKET_BAD_PORT') return 'a port is a number from 0 to 65535. See PORT and METRICS_PORT';
  if (/^(ECONN|ENOTFOUND|28|3D)/.test(code ?? ''))
    return `the database does not let us in: ${message}. See DATABASE_URL, DATABASE_APP_URL and DATABASE_VAULT_URL`;
  return stack ?? message;
}
