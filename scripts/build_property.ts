// Builds what npm run test:property runs.
import { collectTestData } from './test_data.ts';
import { cmakeBuild } from './build_module.ts';

await collectTestData();
await cmakeBuild('native', 'property_walks');
await cmakeBuild('wasm', 'property_walks');
