import { open, readFile, rename, rm } from 'node:fs/promises';
import { parseArgs } from 'node:util';
import { packModel, type PackProgress } from '../pack/pack.ts';
import { UsageError, type Command } from './command.ts';

const HELP = `Usage: thimble pack CHECKPOINT TOKENIZER -o MODEL.san [--float]

Makes a model file for the browser from
  CHECKPOINT   needle.pkl (an original Needle v1 checkpoint) or model.safetensors
  TOKENIZER    the SentencePiece tokenizer.model that belongs to it

  -o, --output FILE   where the model file goes; it appears only when it is complete
      --float         keep float32 weights (4 times the size; to compare with the original)
`;

function parse(args: string[]): { checkpoint: string; tokenizer: string; output: string; float: boolean } {
  try {
    const { values, positionals } = parseArgs({
      args,
      allowPositionals: true,
      options: { output: { type: 'string', short: 'o' }, float: { type: 'boolean', default: false } },
    });
    const [checkpoint, tokenizer, ...rest] = positionals;
    if (!checkpoint || !tokenizer || rest.length) throw new UsageError('pack takes a checkpoint and a tokenizer.model');
    if (!values.output) throw new UsageError('pack needs -o MODEL.san');
    return { checkpoint, tokenizer, output: values.output, float: values.float };
  } catch (error) {
    throw error instanceof UsageError ? error : new UsageError((error as Error).message);
  }
}

function showProgress({ section, doneBytes, totalBytes }: PackProgress): void {
  const width = 30;
  const full = Math.round((width * doneBytes) / totalBytes);
  const percent = Math.round((100 * doneBytes) / totalBytes);
  process.stderr.write(`\r\x1b[K[${'#'.repeat(full)}${'.'.repeat(width - full)}] ${percent}% ${section}`);
}

/** Writes next to `path` and renames, so that no reader ever sees half a file. */
async function writeAtomically(path: string, bytes: Uint8Array): Promise<void> {
  const temporary = `${path}.${process.pid}.tmp`;
  try {
    const file = await open(temporary, 'wx');
    try {
      await file.writeFile(bytes);
      await file.sync();
    } finally {
      await file.close();
    }
    await rename(temporary, path);
  } catch (error) {
    await rm(temporary, { force: true });
    throw error;
  }
}

async function run(args: string[]): Promise<void> {
  const { checkpoint, tokenizer, output, float } = parse(args);
  const [weights, pieces] = await Promise.all([readFile(checkpoint), readFile(tokenizer)]);
  const tty = process.stderr.isTTY;
  let file: Uint8Array;
  try {
    file = await packModel(weights, pieces, tty ? { float, onProgress: showProgress } : { float });
  } finally {
    if (tty) process.stderr.write('\r\x1b[K');
  }
  await writeAtomically(output, file);
  process.stdout.write(`${output}: ${(file.length / 1e6).toFixed(1)} MB\n`);
}

export const pack: Command = { summary: 'make a .san model file from a checkpoint', help: HELP, run };
