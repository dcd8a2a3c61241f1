/** report.ts: what was played, for people (test/output/interleavings.md) and for whoever collects figures (one line of JSON). */
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { root } from '../../src/root.ts';
import type { Report } from './explore.ts';

const words: Record<Report['kind'], string> = {
  all: 'every merge',
  classes: 'every merge, up to the order of statements that have nothing to do with each other',
  sample: 'a sample',
};
const sum = (reports: Report[], of: (report: Report) => number): number => reports.reduce((total, report) => total + of(report), 0);

export function summary(reports: Report[], seconds: number): string {
  return JSON.stringify({
    harness: 'interleave',
    pairs: reports.length,
    schedules: sum(reports, ({ schedules }) => schedules),
    crashes: sum(reports, ({ crashes }) => crashes),
    lockWaits: sum(reports, ({ waits }) => waits),
    sampledPairs: reports.filter(({ kind }) => kind === 'sample').length,
    violations: sum(reports, ({ violations }) => violations.length),
    seconds: Math.round(seconds),
  });
}

/** @returns where it was written */
export function write(reports: Report[], seconds: number): string {
  const rows = reports.map(
    ({ pair, schedules, kind, points, crashes, waits, violations, ms }) =>
      `| ${pair} | ${schedules} | ${kind} | ${points.join('–')} | ${crashes} | ${waits} | ${violations.length} | ${(ms / 1000).toFixed(1)} |`,
  );
  const broken = reports.flatMap(({ violations }) => violations).map(({ pair, why, schedule }) => `## ${pair}\n\n${why}\n\n\`\`\`\n${schedule}\n\`\`\`\n`);
  const text = `# Interleavings

Two parties, statement by statement, over a real PostgreSQL at READ COMMITTED. After every schedule: the pair's own rule, and every
rule of \`src/audit/checks.ts\` that is about rows.

${Object.entries(words)
  .map(([kind, meaning]) => `- **${kind}**: ${meaning}`)
  .join('\n')}
- **crashes**: a session ended by the database before each statement, or a commit whose answer is lost; then the other goes on, and the first tries again

| pair | schedules | kind | decisions | crashes | waits for a lock | violations | s |
|---|---:|---|---:|---:|---:|---:|---:|
${rows.join('\n')}

${summary(reports, seconds)}
${broken.length > 0 ? `\n${broken.join('\n')}` : ''}`;
  const file = join(root, 'test/output/interleavings.md');
  mkdirSync(join(file, '..'), { recursive: true });
  writeFileSync(file, text);
  return file;
}
