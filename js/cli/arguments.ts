// What the subcommands that answer requests share: reading options and files, loading the model.
import { readFile } from 'node:fs/promises';
import { parseArgs, type ParseArgsConfig } from 'node:util';
import type { EvalCase } from '../eval/score.ts';
import { Thimble, type AnyTool } from '../node.ts';
import { UsageError } from './command.ts';

/** parseArgs whose complaints are usage errors. */
export function parse<T extends ParseArgsConfig>(config: T): ReturnType<typeof parseArgs<T>> {
  try {
    return parseArgs(config);
  } catch (error) {
    throw new UsageError((error as Error).message);
  }
}

async function readText(path: string): Promise<string> {
  try {
    return await readFile(path === '-' ? '/dev/stdin' : path, 'utf8');
  } catch (error) {
    throw new UsageError(`${path} cannot be read: ${(error as Error).message}`);
  }
}

/** A JSON file of tools: a list, or an object of tools by name, in any form that registerTools takes. */
export async function readTools(path: string): Promise<AnyTool[] | Record<string, AnyTool>> {
  const text = await readText(path);
  try {
    const tools: unknown = JSON.parse(text);
    return (tools as { tools?: AnyTool[] }).tools ?? (tools as AnyTool[]);
  } catch (error) {
    throw new UsageError(`${path} is no JSON: ${(error as Error).message}`);
  }
}

/** A JSONL file of cases; `accept` only where it is needed. */
export async function readCases(path: string, needAccept: boolean): Promise<EvalCase[]> {
  const lines = (await readText(path)).split('\n');
  return lines.flatMap((line, i) => {
    if (line.trim() === '') return [];
    try {
      const one = JSON.parse(line) as EvalCase;
      if (typeof one.query !== 'string') throw new Error('it has no query');
      if (needAccept && !Array.isArray(one.accept)) throw new Error('it has no accept');
      return [one];
    } catch (error) {
      throw new UsageError(`${path}, line ${i + 1}: ${(error as Error).message}`);
    }
  });
}

export const load = (model: string | undefined): Promise<Thimble> =>
  Thimble.load({ ...(model !== undefined && { model }), allowUnenforced: true });

export const toolsOf = ({ tools }: EvalCase): AnyTool[] => (typeof tools === 'string' ? JSON.parse(tools) : tools) as AnyTool[];

export const print = (text: string) => process.stdout.write(`${text}\n`);
