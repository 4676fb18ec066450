// Runs the WASM build of the core tests (build/wasm/core_tests), in Node or in a browser's worker: writes the test
// data into the module's file system, calls main and returns its exit code.
import { hasExactRelaxedDot } from './relaxed_dot.ts';

export interface CoreTestRun {
  /** Default export of core_tests.mjs. */
  factory: (options: object) => Promise<CoreTestModule>;
  wasmBinary: Uint8Array;
  /** Path under the test data folder -> content. */
  files: Map<string, Uint8Array>;
  /** doctest's arguments. */
  args: string[];
  print: (line: string) => void;
}

interface CoreTestModule {
  FS: { mkdirTree(path: string): void; writeFile(path: string, data: Uint8Array): void };
  ENV: Record<string, string>;
  callMain(args: string[]): void;
}

export async function runCoreTests(run: CoreTestRun): Promise<number> {
  let exitCode: number | undefined;
  const module = await run.factory({
    wasmBinary: run.wasmBinary,
    print: run.print,
    printErr: run.print,
    onExit: (code: number) => { exitCode = code; },
    // Then tests/core/kernel_sets_test.cc asserts that the relaxed kernels attached.
    preRun: [(m: CoreTestModule) => { if (hasExactRelaxedDot()) m.ENV['THIMBLE_REQUIRE_RELAXED'] = '1'; }],
  });
  for (const [name, bytes] of run.files) {
    const path = `/test-data/${name}`;
    module.FS.mkdirTree(path.slice(0, path.lastIndexOf('/')));
    module.FS.writeFile(path, bytes);
  }
  module.callMain(['--no-colors', ...run.args]);
  if (exitCode === undefined) throw new Error('the core tests ended without an exit code');
  return exitCode;
}
