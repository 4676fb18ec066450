// The benchmark's network as a .san file.
import { readFileSync } from 'node:fs';
import { buildTokenizerSection } from '../../js/pack/sentencepiece.ts';
import { writeSan } from '../../js/pack/san.ts';
import { rootDir } from '../run/files.ts';
import { config, tensor } from './config.ts';

export async function randomModel(): Promise<Uint8Array> {
  const tokenizer = buildTokenizerSection(readFileSync(`${rootDir}/model/tokenizer.model`));
  return writeSan({ config, metadata: { name: 'random weights' }, calibration: [], read: tensor }, tokenizer, 'i8');
}
