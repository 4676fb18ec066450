// The generated glue of the WASM module (npm run build).
declare module '*/dist/thimble.mjs' {
  const factory: (options?: { wasmBinary?: Uint8Array }) => Promise<import('./engine.ts').ThimbleModule>;
  export default factory;
}
