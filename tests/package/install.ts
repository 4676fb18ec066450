// A stranger's project in build/apps: the sample apps of tests/apps, what their lock file names, and the packed tarball.
import { createHash } from 'node:crypto';
import { cpSync, existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { must, run } from '../../scripts/sh.ts';
import { buildDir, rootDir } from '../run/files.ts';

export const appsDir = `${buildDir}/apps`;
export const installedDir = `${appsDir}/node_modules/thimble`;

const quietly = ['--no-audit', '--no-fund', '--ignore-scripts', '--loglevel=error'];

/** Installs; what the lock file names only if it changed. */
export async function installApps(): Promise<void> {
  mkdirSync(appsDir, { recursive: true });
  cpSync(`${rootDir}/tests/apps`, appsDir, { recursive: true });
  rmSync(`${appsDir}/out`, { recursive: true, force: true });
  const lock = createHash('sha256').update(readFileSync(`${appsDir}/package-lock.json`)).digest('hex');
  const stamp = `${appsDir}/node_modules/.installed-lock`;
  if (!existsSync(stamp) || readFileSync(stamp, 'utf8') !== lock) {
    await must(['npm', 'ci', '--prefix', appsDir, ...quietly]);
    writeFileSync(stamp, lock);
  }
  const { code, output } = await run(['npm', 'pack', '--silent', '--pack-destination', buildDir]);
  if (code !== 0) throw new Error('npm pack failed');
  await must(['npm', 'install', '--prefix', appsDir, '--no-save', ...quietly, `${buildDir}/${output.trim()}`]);
}
