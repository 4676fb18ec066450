// Compares the module that ships with the original implementation, on a folder laid out like ../shared/reference (its
// README says what each field of cases.json and arrays.json is).
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { packModel } from '../../js/pack/pack.ts';
import { Engine } from '../../web/engine.ts';
import { cosine } from './cosine.ts';
import { loadModule } from './module.ts';

interface Case {
  query: string;
  tools: string;
  query_ids: number[];
  encoder_ids: number[];
  encoder_first: number[];
  encoder_last: number[];
  decoder_ids: number[];
  logits_argmax: number[];
  logits_last_top: [id: number, logit: number][];
  contrastive: number[] | null;
  free_text: string;
}

export const parityFiles = ['needle.pkl', 'tokenizer.model', 'cases.json', 'arrays.json'];

/** One line of the result. `compared` values were looked at; `worst` is the largest difference or the misses. */
export interface Comparison { name: string; compared: number; worst: number; limit: number; ok: boolean }

class Tally {
  private compared = 0;
  private worst = 0;

  constructor(private readonly name: string, private readonly limit: number) {}

  difference(got: ArrayLike<number>, want: ArrayLike<number>): void {
    if (got.length !== want.length) throw new Error(`${this.name}: ${got.length} values, ${want.length} expected`);
    for (let i = 0; i < want.length; ++i) this.value(Math.abs(got[i]! - want[i]!));
  }

  equal(same: boolean): void { this.value(same ? 0 : 1); }

  value(difference: number): void {
    ++this.compared;
    // NaN is a miss, whatever came before.
    if (!(difference <= this.worst)) this.worst = Number.isNaN(difference) ? Infinity : difference;
  }

  result(): Comparison {
    const ok = this.compared > 0 && this.worst <= this.limit;
    return { name: this.name, compared: this.compared, worst: this.worst, limit: this.limit, ok };
  }
}

const sameIds = (a: readonly number[], b: readonly number[]) => a.length === b.length && a.every((id, i) => id === b[i]);

function argmax(values: Float32Array): number {
  let best = 0;
  for (let i = 1; i < values.length; ++i) if (values[i]! > values[best]!) best = i;
  return best;
}

/** What the model writes of itself, at most `maxTokens` tokens. */
export function greedy(engine: Engine, query: string, maxTokens: number): string {
  const eos = 1, answer: number[] = [];
  engine.encode(query);
  for (let next = eos; answer.length < maxTokens;) {
    next = argmax(engine.step([next]));
    if (next === eos) break;
    answer.push(next);
  }
  return engine.detokenize(answer);
}

/** Compares every case. `onCase` reports progress. */
export async function compareWithOriginal(dir: string, onCase: (done: number, of: number) => void = () => {}): Promise<Comparison[]> {
  for (const name of parityFiles) {
    if (!existsSync(join(dir, name))) throw new Error(`${join(dir, name)} is missing`);
  }
  const [checkpoint, tokenizer] = [readFileSync(join(dir, 'needle.pkl')), readFileSync(join(dir, 'tokenizer.model'))];
  const load = async (float: boolean) =>
    Engine.load(await loadModule(), [await packModel(checkpoint, tokenizer, { float })]);
  const floats = await load(true), int8 = await load(false);
  const { cases } = JSON.parse(readFileSync(join(dir, 'cases.json'), 'utf8')) as { cases: Case[] };
  const arrays = JSON.parse(readFileSync(join(dir, 'arrays.json'), 'utf8')) as Record<string, number[] | number[][]>;

  const ids = new Tally('encoder ids that differ', 0);
  const encoder = new Tally('encoder values', 1e-4);
  const logits = new Tally('logits', 1e-3);
  const best = new Tally('argmax that differ', 0);
  const text = new Tally('free texts that differ', 0);
  const contrastive = new Tally('contrastive vectors', 1e-4);
  const quantized = new Tally('INT8 encoder, 1 - cosine with the float path', 1e-3);

  for (const [number, c] of cases.entries()) {
    floats.setTools(c.tools);
    ids.equal(sameIds(floats.queryTokens(c.query), c.encoder_ids));
    text.equal(greedy(floats, c.query, 47) === c.free_text);  // the original counts the starting eos among its 48

    floats.encodeTokens(c.encoder_ids);
    const states = floats.encoderOutput();
    const width = states.length / c.encoder_ids.length;
    encoder.difference(states.subarray(0, c.encoder_first.length), c.encoder_first);
    encoder.difference(states.subarray(states.length - width, states.length - width + c.encoder_last.length), c.encoder_last);
    const whole = arrays[`enc${number}`];
    if (whole) encoder.difference(states, whole.flat());

    let last = new Float32Array();
    for (const [at, id] of c.decoder_ids.entries()) {
      last = floats.step([id]) as Float32Array<ArrayBuffer>;
      best.equal(argmax(last) === c.logits_argmax[at]);
    }
    for (const [id, logit] of c.logits_last_top) logits.value(Math.abs(last[id]! - logit));
    const lastLogits = arrays[`logits${number}`];
    if (lastLogits) logits.difference(last, lastLogits.flat());

    int8.encodeTokens(c.encoder_ids);
    quantized.value(1 - cosine(int8.encoderOutput(), states));

    if (c.contrastive) {
      floats.encodeTokens(c.query_ids);
      contrastive.difference(floats.queryEmbedding(), c.contrastive);
    }
    onCase(number + 1, cases.length);
  }
  return [ids, encoder, logits, best, text, contrastive, quantized].map((tally) => tally.result());
}
