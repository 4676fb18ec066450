// npm start: builds the module and the demo, and serves the demo.
import { build, preview } from 'vite';
import { rootDir } from '../tests/run/files.ts';
import { buildModule } from './build_module.ts';

await buildModule();
const root = `${rootDir}/demo`;
await build({ root });
const server = await preview({ root, preview: { port: 4173 } });
console.log(`\nThimble's demo: ${server.resolvedUrls?.local[0]}`);
