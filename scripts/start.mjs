/** start.mjs: `npm start`. Everything that a fresh clone needs, then the platform, with the arguments given. */
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
  const watch = setInterval(() => {
    if (process.ppid === parent) return;
    clearInterval(watch);
    process.kill(process.pid, 'SIGTERM');
  }, 500);
  watch.unref();
}
