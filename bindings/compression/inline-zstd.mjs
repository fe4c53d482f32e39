// Writes the WASM module of @bokuweb/zstd-wasm as text where package.json's `#zstd` points: gzipped, since only platforms
// that have gzip but no zstd load it. With the licences that it is under.
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { gzipSync } from 'node:zlib'

const home = dirname(fileURLToPath(import.meta.resolve('@bokuweb/zstd-wasm')))
const wasm = readFileSync(join(home, 'zstd.wasm'))
const { version } = JSON.parse(readFileSync(join(home, '../../package.json'), 'utf8'))
const head = `/*! zstd.wasm of @bokuweb/zstd-wasm ${version}, gzipped. MIT, copyright bokuweb; Zstandard: BSD-3-Clause, copyright Meta Platforms, Inc. and affiliates. */`

const folder = new URL('../../dist/compression/', import.meta.url)
mkdirSync(folder, { recursive: true })
const text = gzipSync(wasm, { level: 9 }).toString('base64')
writeFileSync(new URL('zstd-bytes.js', folder), `${head}\nconst base64 = '${text}'\nexport default base64\n`)
process.stdout.write(`zstd: ${wasm.length} bytes of WASM inlined as ${text.length} bytes of text\n`)
