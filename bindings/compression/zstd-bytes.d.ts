/** Written to dist/ by inline-zstd.mjs; package.json says where. */
declare module '#zstd' {
  /** The WASM module, gzipped. */
  const base64: string
  export default base64
}
