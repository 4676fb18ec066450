// Builds what npm run bench loads.
import { cmakeBuild } from './build_module.ts';

await cmakeBuild('wasm', 'thimble_bench');
