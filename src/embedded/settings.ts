/** settings.ts: how the embedded server runs. On its command line, so they hold whatever a file in the data directory says. */

/**
 * Durability is what it is for: fsync, synchronous_commit and full_page_writes stay on.
 *
 * No card number may reach the log. A failed statement is answered to us, and we log what we choose; the server logs neither its
 * text nor its parameters, nor the message, which can quote a value (`invalid input syntax for type bigint: "4111…"`),
 * nor the detail, which can quote a whole row: so errors of statements are not logged at all (log_min_messages: log).
 *
 * For many small commits on two cores: full pages after a checkpoint are what fills the WAL, so checkpoints are rare, spread out, and
 * those pages compressed. No JIT (it costs more than our short queries) and no parallel plans (they would take the core of
 * another commit, and need more /dev/shm than a container has).
 */
const defaults: Record<string, string> = {
  unix_socket_permissions: '0700',
  cluster_name: 'tolem',
  max_connections: '200',
  shared_buffers: '128MB',
  fsync: 'on',
  synchronous_commit: 'on',
  full_page_writes: 'on',
  wal_compression: 'on',
  min_wal_size: '256MB',
  max_wal_size: '2GB',
  checkpoint_timeout: '15min',
  checkpoint_completion_target: '0.9',
  jit: 'off',
  max_parallel_workers_per_gather: '0',
  TimeZone: 'UTC',
  log_timezone: 'UTC',
  log_line_prefix: '%m [%p] ',
  log_checkpoints: 'off',
  log_statement: 'none',
  log_min_duration_statement: '-1',
  log_min_messages: 'log',
  log_min_error_statement: 'panic',
  log_error_verbosity: 'terse',
  log_parameter_max_length: '0',
  log_parameter_max_length_on_error: '0',
};

/** Arguments of `postgres`. @param settings add to ours and win over them, but never over where it listens */
export function serverArgs(data: string, socketDir: string, port: number, settings: Record<string, string>): string[] {
  const all = { ...defaults, ...settings, listen_addresses: '', unix_socket_directories: socketDir, port: String(port) };
  return ['-D', data, ...Object.entries(all).flatMap(([name, value]) => ['-c', `${name}=${value}`])];
}
