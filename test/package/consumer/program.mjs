// Run by check.ts on plain Node, beside the unpacked package.
import { readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'

const kernel = new WebAssembly.Module(readFileSync(fileURLToPath(import.meta.resolve('oncelog/kernel.wasm'))))
process.stdout.write(`kernel exports ${WebAssembly.Module.exports(kernel).length} names\n`)
await import('oncelog')
