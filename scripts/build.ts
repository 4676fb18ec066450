// npm run build: everything that npm users get, in dist/.
import { buildManifest } from './manifest.ts';
import { buildModule } from './build_module.ts';
import { buildPackage } from './build_package.ts';

await buildModule();
await buildManifest();
await buildPackage();
