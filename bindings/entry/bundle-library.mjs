// What is imported from the package: each entry as one file, what several of them need in chunks beside them. Some 350 modules would
// take five times as long to load (docs/decisions/026-the-library-is-bundled.md). The types stay as tsc writes them.
import { build } from 'esbuild'

await build({
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
})
