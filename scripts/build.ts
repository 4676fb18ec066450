// npm run build: the WASM module and its glue, ready to ship, in dist/.
import { buildModule } from './build_module.ts';
await buildModule();
