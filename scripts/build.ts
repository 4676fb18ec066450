// npm run build: the WASM module with its glue, and the `thimble` command, in dist/.
import { build } from 'esbuild';
import { distDir, rootDir } from '../tests/run/files.ts';
import { buildModule } from './build_module.ts';

await buildModule();
await build({
  entryPoints: [`${rootDir}/js/cli/main.ts`], outfile: `${distDir}/cli.js`, bundle: true, platform: 'node', format: 'esm',
  target: 'node20', logLevel: 'warning',
});
