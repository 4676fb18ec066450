// tsx tests/run/wasm_node.ts [--data DIR] [doctest arguments]: the core tests as WASM in this Node.
import { readFileSync } from 'node:fs';
import { pathToFileURL } from 'node:url';
import { runCoreTests } from './core_tests.ts';
import { buildDir, readTree, testDataDir } from './files.ts';

const args = process.argv.slice(2);
const data = args[0] === '--data' ? args.splice(0, 2)[1]! : testDataDir;
const glue = `${buildDir}/wasm/core_tests.mjs`;

process.exitCode = await runCoreTests({
  factory: (await import(pathToFileURL(glue).href)).default,
  wasmBinary: readFileSync(glue.replace(/mjs$/, 'wasm')),
  files: readTree(data),
  args,
  print: (line) => console.log(line),
});
