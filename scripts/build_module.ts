// Builds the WASM module with CMake, minifies its glue and checks both against the size budgets.
import { mkdirSync, copyFileSync, readFileSync, writeFileSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { gzipSync } from 'node:zlib';
import { transform } from 'esbuild';
import { buildDir, distDir } from '../tests/run/files.ts';
import { must } from './sh.ts';

const budgets = { 'thimble.wasm': 132 * 1024, 'thimble.mjs': 12 * 1024 };  // gzip bytes

/** Configures and builds `targets` of a preset of CMakePresets.json, by default all. */
export async function cmakeBuild(preset: 'native' | 'wasm' | 'fuzz', ...targets: string[]): Promise<void> {
  await must(['cmake', '--preset', preset]);
  const only = targets.length > 0 ? ['--target', ...targets] : [];
  await must(['cmake', '--build', '--preset', preset, '--parallel', String(availableParallelism()), ...only]);
}

function checkSizes(): void {
  let over = false;
  for (const [name, budget] of Object.entries(budgets)) {
    const bytes = readFileSync(`${distDir}/${name}`);
    const gzip = gzipSync(bytes, { level: 9 }).length;
    over ||= gzip > budget;
    console.log(`dist/${name}: ${bytes.length} bytes, gzip ${gzip} of at most ${budget}`);
  }
  if (over) throw new Error('the module is over its size budget (scripts/build_module.ts)');
}

export async function buildModule(): Promise<void> {
  await cmakeBuild('wasm', 'thimble');
  mkdirSync(distDir, { recursive: true });
  copyFileSync(`${buildDir}/wasm/thimble.wasm`, `${distDir}/thimble.wasm`);
  const glue = readFileSync(`${buildDir}/wasm/thimble.mjs`, 'utf8');
  const { code } = await transform(glue, { minify: true, format: 'esm', legalComments: 'none' });
  writeFileSync(`${distDir}/thimble.mjs`, code);
  checkSizes();
}
