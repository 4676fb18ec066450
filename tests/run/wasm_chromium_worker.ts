// The browser's half of wasm_chromium.ts: a module worker, as in the product.
import { runCoreTests } from './core_tests.ts';

export interface WorkerRequest { files: string[]; args: string[] }
export type WorkerReply = { line: string } | { exitCode: number } | { error: string };

const reply = (message: WorkerReply) => postMessage(message);

async function fetchBytes(url: string): Promise<Uint8Array> {
  const response = await fetch(url);
  if (!response.ok) throw new Error(`${url}: HTTP ${response.status}`);
  return new Uint8Array(await response.arrayBuffer());
}

onmessage = async ({ data }: MessageEvent<WorkerRequest>) => {
  try {
    const glue = '/wasm/core_tests.mjs';
    const files = new Map<string, Uint8Array>();
    for (const name of data.files) files.set(name, await fetchBytes(`/test-data/${name}`));
    const exitCode = await runCoreTests({
      factory: (await import(glue)).default,
      wasmBinary: await fetchBytes('/wasm/core_tests.wasm'),
      files,
      args: data.args,
      print: (line) => reply({ line }),
    });
    reply({ exitCode });
  } catch (error) {
    reply({ error: String((error as Error).stack ?? error) });
  }
};
