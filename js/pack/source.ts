// What the writer needs of a checkpoint, whatever its file format.
import { PackError } from './errors.ts';
import { tensorSections, type ModelConfig, type TensorSpec } from './layout.ts';

export interface ModelSource {
  config: ModelConfig;
  /** About the model, for the file's metadata section. */
  metadata: Record<string, string>;
  calibration: number[];
  /** Values of a tensor in row order, matrices (outputs, inputs), in the shape that the config calls for. */
  read(name: string): Float32Array;
}

const sameShape = (a: readonly number[], b: readonly number[]): boolean =>
  a.length === b.length && a.every((n, i) => n === b[i]);

export const expectedTensors = (config: ModelConfig): TensorSpec[] =>
  tensorSections(config).flatMap((section) => section.tensors);

/** Throws unless exactly the expected tensors are there; `found` says which shape each one has. */
export function checkTensors(
  expected: readonly TensorSpec[],
  found: ReadonlyMap<string, readonly number[]>,
  file: string,
): void {
  const fail = (text: string): never => {
    throw new PackError('bad_checkpoint', `${file}: ${text}`);
  };
  const unknown = new Set(found.keys());
  for (const { name, shape } of expected) {
    const actual = found.get(name) ?? fail(`parameter ${name} is missing`);
    if (!sameShape(actual, shape)) {
      fail(`parameter ${name} has shape [${actual.join(', ')}], the config calls for [${shape.join(', ')}]`);
    }
    unknown.delete(name);
  }
  for (const name of unknown) {
    fail(`parameter ${name} is unknown; this is not a Simple Attention Network of Needle v1's kind`);
  }
}
