// Argument types from schemas: of a JSON Schema literal, or of any Standard Schema (zod, valibot, arktype...).
import type { JsonSchema } from '../web/protocol.ts';

export type { JsonSchema };

/** https://standardschema.dev, versions 1: what Thimble uses of it. */
export interface StandardSchema<Input = unknown, Output = Input> {
  readonly '~standard': {
    readonly version: 1;
    readonly vendor: string;
    readonly validate: (value: unknown) => StandardResult<Output> | Promise<StandardResult<Output>>;
    readonly types?: { readonly input: Input; readonly output: Output } | undefined;
    /** https://standardschema.dev/json-schema. Needed: it is what the model reads. */
    readonly jsonSchema?: { readonly input: (options: { target: 'draft-2020-12' }) => Record<string, unknown> };
  };
}

export type StandardResult<Output> =
  | { readonly value: Output; readonly issues?: undefined }
  | { readonly issues: readonly { readonly message: string; readonly path?: readonly (PropertyKey | { readonly key: PropertyKey })[] | undefined }[] };

/** What may describe arguments. */
export type Schema = JsonSchema | StandardSchema;

/** The type of the values that a schema allows, as `execute` gets them; `unknown` where the schema does not say. */
export type ArgsOf<S> =
  S extends { readonly '~standard': { readonly types?: infer T } } ? (NonNullable<T> extends { readonly output: infer O } ? O : unknown)
  : string extends keyof S ? Record<string, unknown>
  : S extends { readonly type: 'object' } | { readonly properties: object } ? ValueOf<S>
  : Record<string, unknown>;

/** The type of the values of a JSON Schema literal. */
export type ValueOf<S> =
  S extends { readonly const: infer C } ? C
  : S extends { readonly enum: readonly (infer E)[] } ? E
  : S extends { readonly anyOf: readonly (infer A)[] } | { readonly oneOf: readonly (infer A)[] } ? (A extends unknown ? ValueOf<A> : never)
  : S extends { readonly type: readonly (infer T)[] } ? (T extends string ? TypeOf<T, S> : never)
  : S extends { readonly type: infer T extends string } ? TypeOf<T, S>
  : S extends { readonly properties: object } ? ObjectOf<S>
  : unknown;

type TypeOf<T extends string, S> =
  T extends 'string' ? string
  : T extends 'number' | 'integer' ? number
  : T extends 'boolean' ? boolean
  : T extends 'null' ? null
  : T extends 'array' ? ArrayOf<S>
  : T extends 'object' ? ObjectOf<S>
  : unknown;

type ArrayOf<S> =
  S extends { readonly prefixItems: infer P extends readonly unknown[] } ? { -readonly [I in keyof P]: ValueOf<P[I]> }
  : S extends { readonly items: infer I } ? ValueOf<I>[]
  : unknown[];

type ObjectOf<S> =
  S extends { readonly properties: infer P }
    ? Flat<{ -readonly [K in keyof P as K extends Required<S> ? K : never]: ValueOf<P[K]> }
      & { -readonly [K in keyof P as K extends Required<S> ? never : K]?: ValueOf<P[K]> }>
    : Record<string, unknown>;

type Required<S> = S extends { readonly required: readonly (infer R)[] } ? R : never;
type Flat<T> = { [K in keyof T]: T[K] };
