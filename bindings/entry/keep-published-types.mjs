// tsc writes the types of every module that it read. Those that no entry leads to say nothing to a user: they go, before the package is made.
import { existsSync, readdirSync, readFileSync, rmSync } from 'node:fs'
import { dirname, join, resolve } from 'node:path'

const ROOT = resolve('dist')
const ENTRIES = ['entry/node.d.ts', 'entry/msgpack.d.ts', 'entry/conformance.d.ts']
/** Modules that a declaration names: from, import and import(). */
const NAMED = /(?:from|import)\s*\(?\s*'(\.[^']+)'/g

const published = new Set()

function publish(path) {
  if (published.has(path)) return
  if (!existsSync(path)) throw new Error(`${path} is named by a published type, and isn't there`)
  published.add(path)
  for (const [, specifier] of readFileSync(path, 'utf8').matchAll(NAMED)) {
    publish(resolve(dirname(path), specifier.replace(/(\.d)?\.[jt]s$/, '.d.ts')))
  }
}

for (const entry of ENTRIES) publish(join(ROOT, entry))
for (const name of readdirSync(ROOT, { recursive: true })) {
  const path = join(ROOT, name)
  if (path.endsWith('.d.ts') && !published.has(path)) rmSync(path)
}
