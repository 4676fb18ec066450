// What the build writes (npm run build): the WASM module's glue, and the manifest of the model that ships.
declare module '*/dist/thimble.mjs' {
  const factory: (options?: { wasmBinary?: Uint8Array; locateFile?: (name: string) => string }) => Promise<import('./engine.ts').ThimbleModule>;
  export default factory;
}
declare module '*/dist/thimble.san.json' {
  const manifest: import('./weights.ts').Manifest;
  export default manifest;
}
/** Its bytes, where the build puts them into a script. */
declare module '*/dist/thimble.wasm' {
  const binary: Uint8Array;
  export default binary;
}
