// Writes the compiled kernel as a module, so that no runtime and no bundler has to find a file: kernel-bytes.ts for the
// sources, and the same text as JavaScript where package.json's `#kernel` points, so that either is fresh after build:kernel.
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'

const wasm = readFileSync(new URL('../../build/kernel.wasm', import.meta.url))
const head = '// Written by bindings/kernel/inline-kernel.mjs; not in git.\n'
const text = wasm.toString('base64')

writeFileSync(
  new URL('kernel-bytes.ts', import.meta.url),
  `${head}const base64: string =\n  '${text}'\n\nexport default base64\n`,
)
const published = new URL('../../dist/kernel/', import.meta.url)
mkdirSync(published, { recursive: true })
writeFileSync(new URL('kernel-bytes.js', published), `${head}const base64 = '${text}'\nexport default base64\n`)
process.stdout.write(`kernel: ${wasm.length} bytes of WASM inlined\n`)
