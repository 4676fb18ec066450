// Writes ONNX model files (https://github.com/onnx/onnx/blob/main/onnx/onnx.proto; the fields used here).
import protobuf from 'protobufjs';

const { root } = protobuf.parse(`
  syntax = "proto2";
  message ModelProto { optional int64 ir_version = 1; optional GraphProto graph = 7;
                       repeated OperatorSetIdProto opset_import = 8; }
  message OperatorSetIdProto { optional string domain = 1; optional int64 version = 2; }
  message GraphProto { repeated NodeProto node = 1; optional string name = 2; repeated TensorProto initializer = 5;
                       repeated ValueInfoProto input = 11; repeated ValueInfoProto output = 12; }
  message NodeProto { repeated string input = 1; repeated string output = 2; optional string op_type = 4;
                      repeated AttributeProto attribute = 5; }
  message AttributeProto { optional string name = 1; optional float f = 2; optional int64 i = 3;
                           repeated int64 ints = 8 [packed = false]; optional int32 type = 20; }
  message TensorProto { repeated int64 dims = 1; optional int32 data_type = 2; optional string name = 8;
                        optional bytes raw_data = 9; }
  message ValueInfoProto { optional string name = 1; optional TypeProto type = 2; }
  message TypeProto { message Tensor { optional int32 elem_type = 1; optional TensorShapeProto shape = 2; }
                      optional Tensor tensor_type = 1; }
  message TensorShapeProto { message Dimension { optional int64 dim_value = 1; optional string dim_param = 2; }
                             repeated Dimension dim = 1; }
`, { keepCase: true });

const dataTypes = { float: 1, uint8: 2, int8: 3, int64: 7 } as const;
type DataType = keyof typeof dataTypes;
type Attribute = number | { float: number } | number[];

/** A size, or the name of a size that is known at run time only. */
export type Dim = number | string;

const attributeProto = (name: string, value: Attribute) => {
  if (Array.isArray(value)) return { name, ints: value, type: 7 };
  return typeof value === 'number' ? { name, i: value, type: 2 } : { name, f: value.float, type: 1 };
};

const valueProto = (name: string, type: DataType, dims: Dim[]) => ({
  name,
  type: { tensor_type: {
    elem_type: dataTypes[type],
    shape: { dim: dims.map((dim) => (typeof dim === 'number' ? { dim_value: dim } : { dim_param: dim })) },
  } },
});

/** A graph under construction. Values are known by their names. */
export class Graph {
  private readonly nodes: object[] = [];
  private readonly initializers: object[] = [];
  private readonly inputs: object[] = [];
  private readonly outputs: object[] = [];
  private names = 0;

  input(name: string, type: DataType, dims: Dim[]): string {
    this.inputs.push(valueProto(name, type, dims));
    return name;
  }

  output(value: string, name: string, dims: Dim[]): void {
    this.nodes.push({ op_type: 'Identity', input: [value], output: [name] });
    this.outputs.push(valueProto(name, 'float', dims));
  }

  constant(type: DataType, dims: number[], data: ArrayBufferView | number[]): string {
    const values = Array.isArray(data)
      ? (type === 'int64' ? BigInt64Array.from(data, BigInt) : Float32Array.from(data)) : data;
    const name = `c${this.names++}`;
    const raw = new Uint8Array(values.buffer, values.byteOffset, values.byteLength);
    this.initializers.push({ name, dims, data_type: dataTypes[type], raw_data: raw });
    return name;
  }

  /** Adds an operator and returns the names of its outputs. */
  op(type: string, inputs: string[], attributes: Record<string, Attribute> = {}, outputs = 1): string[] {
    const names = Array.from({ length: outputs }, () => `v${this.names++}`);
    const attribute = Object.entries(attributes).map(([name, value]) => attributeProto(name, value));
    this.nodes.push({ op_type: type, input: inputs, output: names, attribute });
    return names;
  }

  /** The same for an operator with one output. */
  one(type: string, inputs: string[], attributes: Record<string, Attribute> = {}): string {
    return this.op(type, inputs, attributes)[0]!;
  }

  bytes(): Uint8Array {
    const graph = { name: 'graph', node: this.nodes, initializer: this.initializers, input: this.inputs,
      output: this.outputs };
    const model = { ir_version: 8, opset_import: [{ domain: '', version: 17 }], graph };
    return root!.lookupType('ModelProto').encode(model).finish();
  }
}
