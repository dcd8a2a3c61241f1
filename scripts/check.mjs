/** check.mjs: everything that is checked without running the platform. Ends with one line for each check, and exit code 1 if one failed. */
import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { installed, root } from './install.mjs';

await installed();
const npx =
  (...args) =>
  () => {
    const { status, stdout, stderr } = spawnSync('npx', ['--no-install', ...args], { cwd: root, encoding: 'utf8', maxBuffer: 64 << 20 });
    return status === 0 ? '' : `${stdout}${stderr}`;
  };
const checks = {
  types: npx('tsc', '--noEmit', '-p', '.'),
  lint: npx('oxlint', '--type-aware'),
  format: npx('oxfmt', '--check'),
  'unused code': npx('knip', '--no-progress'),
  'lock file': lockFile,
  dependencies,
};
const results = Object.entries(checks).map(([name, check]) => {
  const complaint = check();
  process.stdout.write(complaint ? `failed  ${name}\n${complaint.trim().split('\n').slice(-60).join('\n')}\n` : `ok      ${name}\n`);
  return !complaint;
});
process.stdout.write(`${results.filter(Boolean).length} passed, ${results.filter((ok) => !ok).length} failed\n`);
process.exit(results.every(Boolean) ? 0 : 1);

/** Every package has its hash, and none is bound to the machine or the registry that somebody happened to use. */
function lockFile() {
  const { packages } = JSON.parse(readFileSync(new URL('../package-lock.json', import.meta.url), 'utf8'));
  const odd = Object.entries(packages).filter(([path, { link, integrity, resolved }]) => path.startsWith('node_modules/') && !link && (!integrity || resolved));
  return odd.map(([path]) => `${path} has no integrity, or names the host that it came from`).join('\n');
}

/** Exact versions only, and few enough to know each. */
function dependencies() {
  const { dependencies, devDependencies, optionalDependencies } = JSON.parse(readFileSync(new URL('../package.json', import.meta.url), 'utf8'));
  const loose = Object.entries({ ...dependencies, ...devDependencies, ...optionalDependencies }).filter(
    ([, version]) => !/^\d+\.\d+\.\d+(-[\w.]+)?$/.test(version),
  );
  const many = Object.keys(dependencies).length > 25 ? ['more than 25 direct dependencies'] : [];
  return [...loose.map(([name, version]) => `${name}: ${version} is not an exact version`), ...many].join('\n');
}
