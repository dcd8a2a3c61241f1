/** start.mjs: `npm start`. Everything that a fresh clone needs, then the platform, with the arguments given. */
import { execFileSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { become, built, root, script } from './install.mjs';

await script(async () => {
  await built();
  if (process.env.npm_lifecycle_event) leaveWithNpm();
  await become(join(root, 'dist', 'src', 'cli', 'main.js'), ['start', ...process.argv.slice(2)]);
});

/**
 * npm passes signals on to the shell that it runs us in, which may die of them alone, and a killed npm tells nobody. Either way nobody
 * who could stop us with Ctrl-C is left, and the next `npm start` would find the port taken: so we end, as if asked to.
 */
function leaveWithNpm() {
  const parent = process.ppid;
  const npm = shellParent(parent);
  const watch = setInterval(() => {
    if (process.ppid === parent && (!npm || exists(npm))) return;
    clearInterval(watch);
    process.kill(process.pid, 'SIGTERM');
  }, 500);
  watch.unref();
}

/** The parent of process `pid`, if that is a shell: some shells stay between npm and us, some become us. */
function shellParent(pid) {
  try {
    const [, name, parent] = existsSync('/proc/self/stat')
      ? /\((.*)\) \S+ (\d+)/.exec(readFileSync(`/proc/${pid}/stat`, 'latin1'))
      : /^(.*?)\s+(\d+)\s*$/.exec(execFileSync('ps', ['-o', 'comm=,ppid=', '-p', String(pid)], { encoding: 'utf8' }));
    return /(^|[-/])(ba|da|z|k|a)?sh$/.test(name) ? Number(parent) : undefined;
  } catch {
    return undefined;
  }
}

function exists(pid) {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return error.code === 'EPERM';
  }
}
