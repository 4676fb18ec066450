// tsx tests/run/wasm_chromium.ts [doctest arguments]: the core tests as WASM in headless Chromium, where relaxed SIMD
// is real.
import { bundle, withPage } from './browser.ts';
import { buildDir, listTree, rootDir, testDataDir } from './files.ts';
import type { WorkerReply, WorkerRequest } from './wasm_chromium_worker.ts';

const request: WorkerRequest = { files: listTree(testDataDir), args: process.argv.slice(2) };
const routes = {
  '/worker.js': await bundle(`${rootDir}/tests/run/wasm_chromium_worker.ts`),
  '/wasm/': { file: `${buildDir}/wasm` },
  '/test-data/': { file: testDataDir },
};

process.exitCode = await withPage(routes, async (page) => {
  await page.exposeFunction('printLine', (line: string) => console.log(line));
  return page.evaluate((request) => new Promise<number>((resolve, reject) => {
    const worker = new Worker('/worker.js', { type: 'module' });
    worker.onerror = (event) => reject(new Error(`worker: ${event.message}`));
    worker.onmessage = ({ data }: MessageEvent<WorkerReply>) => {
      if ('line' in data) (globalThis as unknown as { printLine(line: string): void }).printLine(data.line);
      else if ('exitCode' in data) resolve(data.exitCode);
      else reject(new Error(data.error));
    };
    worker.postMessage(request);
  }), request);
});
