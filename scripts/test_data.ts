// Collects what the core tests read (tests/core/test_data.h) in build/test-data:
//   reference/   ../shared/reference as it is, and the models packed from it
//   golden/      tests/golden, and the models packed from golden/san/model.safetensors
//   model/       the model that ships
//   tokenizer/   NAME.section, packed from the models that tests/golden/make_tokenizer_golden.py knows as NAME
import { cpSync, existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { packModel } from '../js/pack/pack.ts';
import { readSafetensors } from '../js/pack/safetensors.ts';
import { writeSan } from '../js/pack/san.ts';
import { buildTokenizerSection } from '../js/pack/sentencepiece.ts';
import { buildDir, listTree, referenceDir, rootDir, testDataDir } from '../tests/run/files.ts';

/** A parity folder (laid out like ../shared/reference) and the models packed from it, as `into`/reference. */
export async function collectReference(dir: string, into: string): Promise<void> {
  for (const name of ['needle.pkl', 'tokenizer.model', 'cases.json', 'arrays.json']) {
    if (!existsSync(join(dir, name))) throw new Error(`${join(dir, name)} is missing`);
  }
  const reference = join(into, 'reference');
  mkdirSync(reference, { recursive: true });
  cpSync(dir, reference, { recursive: true });
  const [checkpoint, tokenizer] = ['needle.pkl', 'tokenizer.model'].map((name) => readFileSync(join(dir, name)));
  for (const [name, float] of [['reference-i8.san', false], ['reference-f32.san', true]] as const) {
    writeFileSync(join(reference, name), await packModel(checkpoint!, tokenizer!, { float }));
  }
}

function packTokenizers(into: string): void {
  const small = join(rootDir, 'tests/golden/tokenizer');
  const models: [name: string, path: string][] = [
    ['reference', join(referenceDir, 'tokenizer.model')],
    ['thimble', join(rootDir, 'model/tokenizer.model')],
    ...listTree(small).map((file): [string, string] => [basename(file, '.model'), join(small, file)]),
  ];
  const fuzzSeeds = join(buildDir, 'fuzz-seeds/tokenizer_fuzz');
  for (const dir of [into, fuzzSeeds]) mkdirSync(dir, { recursive: true });
  for (const [name, path] of models) {
    const section = buildTokenizerSection(readFileSync(path));
    writeFileSync(join(into, `${name}.section`), section);
    if (name !== 'thimble') writeFileSync(join(fuzzSeeds, name), section); // the large one would slow the fuzzer down
  }
}

/** Without packModel, since the tiny model's vocabulary is no whole tokenizer: its tests use token ids only. */
async function packGolden(dir: string): Promise<void> {
  const source = readSafetensors(readFileSync(join(dir, 'model.safetensors')));
  const tokenizer = buildTokenizerSection(readFileSync(join(rootDir, 'model/tokenizer.model')));
  for (const type of ['f32', 'i8'] as const) writeFileSync(join(dir, `${type}.san`), await writeSan(source, tokenizer, type));
}

export async function collectTestData(): Promise<void> {
  if (!existsSync(referenceDir)) {
    console.error('The folder ../shared/reference (numbers of the original implementation) is not beside this clone. ' +
      'The tests compare with it: put it there and run again.');
    process.exit(1);
  }
  rmSync(testDataDir, { recursive: true, force: true });
  await collectReference(referenceDir, testDataDir);
  cpSync(join(rootDir, 'tests/golden'), join(testDataDir, 'golden'), { recursive: true });
  await packGolden(join(testDataDir, 'golden/san'));
  cpSync(join(rootDir, 'model'), join(testDataDir, 'model'), { recursive: true });
  packTokenizers(join(testDataDir, 'tokenizer'));
}
