// The shipped module with the model that ships, loaded as Thimble's worker does; says where the time goes.
import factory from '../../dist/thimble.mjs';
import { Engine } from '../../web/engine.ts';
import { loadWeights, type Manifest } from '../../web/weights.ts';

export interface Loaded { kernels: string; stored: boolean; downloaded: number; moduleMs: number; weightsMs: number }

onmessage = async ({ data: manifest }: MessageEvent<Manifest>) => {
  const start = performance.now();
  const module = await factory();
  const ready = performance.now();
  const { value: engine, stored, downloaded } = await loadWeights('/thimble.san', (chunks) => Engine.load(module, chunks), { manifest });
  postMessage({ kernels: engine.kernels, stored, downloaded, moduleMs: ready - start, weightsMs: performance.now() - ready } satisfies Loaded);
};
