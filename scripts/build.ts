// npm run build: the WASM module with its glue, the model's manifest, and the `thimble` command, in dist/.
import { build } from 'esbuild';
import { distDir, rootDir } from '../tests/run/files.ts';
import { buildModule } from './build_module.ts';
import { buildManifest } from './manifest.ts';

await buildModule();
await buildManifest();
await build({
  entryPoints: [`${rootDir}/js/cli/main.ts`], outfile: `${distDir}/cli.js`, bundle: true, platform: 'node', format: 'esm',
  target: 'node20', logLevel: 'warning',
});
