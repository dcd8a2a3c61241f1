import { execFile, spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { root } from '../root.ts';
import { remove, tempDir } from './testing.ts';

/** A bank in a process of its own, that is killed with SIGKILL and started again over the same journal. */
export interface KillableBank {
  url: string;
  start(): Promise<void>;
  kill(): Promise<void>;
  isKilled(): boolean;
  remove(): Promise<void>;
}

/** A real process is killed here, so the bank is compiled first. */
export async function killableBank(): Promise<KillableBank> {
  const dir = await tempDir();
  await symlink(join(root, 'node_modules'), join(dir, 'node_modules'));
  const compilerOptions = { outDir: join(dir, 'out'), rootDir: join(root, 'src'), noCheck: true, incremental: false, tsBuildInfoFile: null, sourceMap: false };
  await writeFile(
    join(dir, 'tsconfig.json'),
    JSON.stringify({ extends: join(root, 'tsconfig.build.json'), compilerOptions, include: [], files: [join(root, 'src/sandbox/testing.ts')] }),
  );
  await promisify(execFile)(process.execPath, [join(root, 'node_modules/typescript/bin/tsc'), '-p', dir]);
  await writeFile(join(dir, 'out/package.json'), '{"type":"module"}');
  const script = `import { startBank } from ${JSON.stringify(join(dir, 'out/sandbox/testing.js'))}; console.log((await startBank({ dataDir: ${JSON.stringify(join(dir, 'data'))} })).url);`;

  let child: ChildProcess | undefined;
  const bank: KillableBank = {
    url: '',
    async start() {
      child = spawn(process.execPath, ['--input-type=module', '-e', script], { stdio: ['ignore', 'pipe', 'inherit'] });
      const [said] = (await once(child.stdout!, 'data')) as [Buffer];
      bank.url = said.toString().trim();
    },
    async kill() {
      if (!child || child.exitCode !== null || child.signalCode !== null) return;
      child.kill('SIGKILL');
      await once(child, 'exit');
    },
    isKilled: () => child?.killed ?? true,
    async remove() {
      await bank.kill();
      await remove(dir);
    },
  };
  return bank;
}
