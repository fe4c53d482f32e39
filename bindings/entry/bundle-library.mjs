// What is imported from the package: each entry as one file, what several of them need in chunks beside them. Some 350 modules would
// take five times as long to load (docs/decisions/026-the-library-is-bundled.md). The types stay as tsc writes them.
import { mkdirSync, writeFileSync } from 'node:fs'
import { dirname } from 'node:path'
import { build } from 'esbuild'

const { outputFiles } = await build({
  entryPoints: [
    'bindings/entry/node.ts',
    'bindings/entry/msgpack.ts',
    'bindings/entry/conformance.ts',
    // Where `#kernel` leads.
    'bindings/kernel/kernel-bytes.ts',
  ],
  outbase: 'bindings',
  outdir: 'dist',
  chunkNames: 'chunks/[name]-[hash]',
  bundle: true,
  splitting: true,
  format: 'esm',
  platform: 'neutral',
  target: 'es2023',
  external: ['node:*', '@assemblyscript/loader', 'msgpackr', '#kernel', '#zstd'],
  legalComments: 'inline',
  logLevel: 'warning',
  write: false,
})
for (const { path, text } of outputFiles) {
  mkdirSync(dirname(path), { recursive: true })
  writeFileSync(path, withClassNames(text))
}

/** A class that names itself becomes `var Name = class _Name`, which a program sees where it prints an object of it. */
function withClassNames(text) {
  const names = Array.from(text.matchAll(/^var (\w+) = class _\1\b/gm), ([, name]) => name)
  return names.reduce((code, name) => code.replaceAll(new RegExp(`\\b_${name}\\b`, 'g'), name), text)
}
