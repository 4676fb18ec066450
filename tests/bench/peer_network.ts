// The benchmark's network as ONNX graphs, in the form in which ONNX Runtime is fastest: grouped heads as batches
// without copies of K and V, norms as ONNX Runtime's own fused operator, and, for INT8, the pattern
// DynamicQuantizeLinear, MatMulInteger, Cast, Mul that its dynamic quantization emits and its optimizer fuses.
// The maths is src/model's; only the contrastive head is left out.
import { config, tensor } from './config.ts';
import { Graph } from './onnx.ts';

export type Precision = 'int8' | 'fp32';

const { d_model, head_dim, num_kv_heads } = config;
const group = config.num_heads / num_kv_heads;  // query heads of a KV head

/** (outputs, inputs) -> (inputs, outputs) */
function transpose(matrix: Float32Array, inputs: number): Float32Array {
  const outputs = matrix.length / inputs;
  const out = new Float32Array(matrix.length);
  for (let o = 0; o < outputs; ++o) {
    for (let i = 0; i < inputs; ++i) out[i * outputs + o] = matrix[o * inputs + i]!;
  }
  return out;
}

class Network {
  readonly graph = new Graph();
  private readonly quantized = new Map<string, [code: string, scale: string, zero: string]>();

  constructor(private readonly precision: Precision) {}

  /** x (rows, inputs) times the matrix `name`: (rows, outputs). */
  linear(x: string, name: string, inputs = d_model): string {
    const matrix = transpose(tensor(name), inputs);
    const outputs = matrix.length / inputs;
    const g = this.graph;
    if (this.precision === 'fp32') return g.one('MatMul', [x, g.constant('float', [inputs, outputs], matrix)]);
    if (!this.quantized.has(x)) {
      this.quantized.set(x, g.op('DynamicQuantizeLinear', [x], {}, 3) as [string, string, string]);
    }
    const [code, scale, zero] = this.quantized.get(x)!;
    const step = matrix.reduce((largest, w) => Math.max(largest, Math.abs(w)), 0) / 127;
    const codes = g.constant('int8', [inputs, outputs], Int8Array.from(matrix, (w) => Math.round(w / step)));
    const weightScale = g.constant('float', [outputs], new Float32Array(outputs).fill(step));
    const sum = g.one('Cast', [g.one('MatMulInteger', [code, codes, zero])], { to: 1 });
    return g.one('Mul', [sum, g.one('Mul', [scale, weightScale])]);
  }

  norm(x: string, name: string): string {
    const gamma = tensor(name).map((value) => 1 + value);
    const scale = this.graph.constant('float', [gamma.length], gamma);
    return this.graph.one('SimplifiedLayerNormalization', [x, scale], { axis: -1, epsilon: { float: 1e-6 } });
  }

  private reshape(x: string, dims: number[]): string {
    return this.graph.one('Reshape', [x, this.graph.constant('int64', [dims.length], dims)]);
  }

  /** x (rows, heads, head_dim), turned by position. */
  private rotate(x: string): string {
    const g = this.graph;
    const [a, b] = g.op('Split', [x], { axis: -1 }, 2) as [string, string];
    const mul = (left: string, right: string) => g.one('Mul', [left, right]);
    const left = g.one('Sub', [mul(a, 'cos'), mul(b, 'sin')]);
    const right = g.one('Add', [mul(b, 'cos'), mul(a, 'sin')]);
    return g.one('Concat', [left, right], { axis: -1 });
  }

  /** Queries (which 'q') or keys ('k') of x: (rows, heads, head_dim), normed, and turned if asked. */
  private heads(x: string, layer: string, which: 'q' | 'k', rotate: boolean): string {
    const count = which === 'q' ? config.num_heads : num_kv_heads;
    const split = this.reshape(this.linear(x, `${layer}.${which}`), [-1, count, head_dim]);
    const normed = this.norm(split, `${layer}.${which}_norm`);
    return rotate ? this.rotate(normed) : normed;
  }

  /** Keys (kv_heads, head_dim, rows) and values (kv_heads, rows, head_dim) of x. */
  keysAndValues(x: string, layer: string, rotate: boolean): [keys: string, values: string] {
    const values = this.reshape(this.linear(x, `${layer}.v`), [-1, num_kv_heads, head_dim]);
    return [
      this.graph.one('Transpose', [this.heads(x, layer, 'k', rotate)], { perm: [1, 2, 0] }),
      this.graph.one('Transpose', [values], { perm: [1, 0, 2] }),
    ];
  }

  /** residual + sigmoid(gate) * o(attention of x over the given keys and values). */
  addAttention(residual: string, x: string, layer: string, keys: string, values: string, rotate: boolean): string {
    const g = this.graph;
    const split = this.reshape(this.heads(x, layer, 'q', rotate), [-1, num_kv_heads, group, head_dim]);
    const q = this.reshape(g.one('Transpose', [split], { perm: [1, 0, 2, 3] }), [num_kv_heads, -1, head_dim]);
    const scale = g.constant('float', [], [1 / Math.sqrt(head_dim)]);
    const weights = g.one('Softmax', [g.one('Mul', [g.one('MatMul', [q, keys]), scale])], { axis: -1 });
    const mixed = this.reshape(g.one('MatMul', [weights, values]), [num_kv_heads, -1, group, head_dim]);
    const rows = this.reshape(g.one('Transpose', [mixed], { perm: [1, 0, 2, 3] }), [-1, config.num_heads * head_dim]);
    const gate = g.constant('float', [], [1 / (1 + Math.exp(-tensor(`${layer}.gate`)[0]!))]);
    return g.one('Add', [residual, g.one('Mul', [this.linear(rows, `${layer}.o`), gate])]);
  }

  /** Declares the inputs ids, cos and sin and gives the embedded ids. */
  embed(rows: string | number): string {
    this.graph.input('ids', 'int64', [rows]);
    for (const name of ['cos', 'sin']) this.graph.input(name, 'float', [rows, 1, head_dim / 2]);
    const scaled = tensor('embedding').map((value) => value * Math.sqrt(d_model));
    return this.graph.one('Gather', [this.graph.constant('float', [config.vocab_size, d_model], scaled), 'ids']);
  }
}

/** ids, cos, sin -> the decoder's cross keys and values, cross_k0, cross_v0, ... */
export function encoderModel(precision: Precision): Uint8Array {
  const net = new Network(precision);
  let x = net.embed('tokens');
  for (let i = 0; i < config.num_encoder_layers; ++i) {
    const layer = `encoder.${i}.self`;
    const normed = net.norm(x, `${layer}.norm`);
    const [keys, values] = net.keysAndValues(normed, layer, true);
    x = net.addAttention(x, normed, layer, keys, values, true);
  }
  const states = net.norm(x, 'encoder.norm');
  for (let i = 0; i < config.num_decoder_layers; ++i) {
    const [keys, values] = net.keysAndValues(states, `decoder.${i}.cross`, false);
    net.graph.output(keys, `cross_k${i}`, [num_kv_heads, head_dim, 'tokens']);
    net.graph.output(values, `cross_v${i}`, [num_kv_heads, 'tokens', head_dim]);
  }
  return net.graph.bytes();
}

/** One decoder step: ids, cos, sin, past_k0, past_v0, cross_k0, cross_v0, ... -> logits, present_k0, present_v0, ... */
export function decoderModel(precision: Precision): Uint8Array {
  const net = new Network(precision);
  const g = net.graph;
  let x = net.embed(1);
  for (let i = 0; i < config.num_decoder_layers; ++i) {
    const self = `decoder.${i}.self`, cross = `decoder.${i}.cross`;
    const normed = net.norm(x, `${self}.norm`);
    const [newKeys, newValues] = net.keysAndValues(normed, self, true);
    const pastKeys = g.input(`past_k${i}`, 'float', [num_kv_heads, head_dim, 'past']);
    const pastValues = g.input(`past_v${i}`, 'float', [num_kv_heads, 'past', head_dim]);
    const keys = g.one('Concat', [pastKeys, newKeys], { axis: 2 });
    const values = g.one('Concat', [pastValues, newValues], { axis: 1 });
    g.output(keys, `present_k${i}`, [num_kv_heads, head_dim, 'present']);
    g.output(values, `present_v${i}`, [num_kv_heads, 'present', head_dim]);
    x = net.addAttention(x, normed, self, keys, values, true);

    const crossKeys = g.input(`cross_k${i}`, 'float', [num_kv_heads, head_dim, 'tokens']);
    const crossValues = g.input(`cross_v${i}`, 'float', [num_kv_heads, 'tokens', head_dim]);
    x = net.addAttention(x, net.norm(x, `${cross}.norm`), cross, crossKeys, crossValues, false);
  }
  g.output(net.linear(net.norm(x, 'decoder.norm'), 'embedding'), 'logits', [1, config.vocab_size]);
  return g.bytes();
}
