/**
 * The command line in two forms: as it is published, for processes, and as a function, for threads. Made once for each
 * state of the sources.
 */
import { createHash, randomUUID } from 'node:crypto'
import { existsSync, mkdirSync, readdirSync, readFileSync, renameSync, rmSync, statSync, utimesSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { build } from 'esbuild'
import { bundleCli } from '../../../bindings/entry/bundle-cli.mjs'

const root = fileURLToPath(new URL('../../../', import.meta.url))
/** Not under node_modules, from where nothing could name `#zstd`. */
const directory = join(root, 'build/cli')
/** No test file takes so long. */
const UNUSED_MS = 3_600_000

const digest = digestOfSources()

function digestOfSources(): string {
  const hash = createHash('sha256')
  const below = readdirSync(join(root, 'bindings'), { recursive: true, withFileTypes: true })
  const sources = below.filter((each) => each.isFile()).map((each) => join(each.parentPath, each.name))
  const makers = ['package-lock.json', 'package.json', 'tsconfig.json'].map((name) => join(root, name))
  for (const path of [...sources.sort(), ...makers, fileURLToPath(import.meta.url)]) {
    hash.update(`${path}\n`).update(readFileSync(path))
  }
  return hash.digest('hex').slice(0, 24)
}

/** Others may make the same beside it: a whole file takes its place. */
async function made(name: string, make: (path: string) => Promise<unknown>): Promise<string> {
  const path = join(directory, name)
  mkdirSync(directory, { recursive: true })
  if (!existsSync(path)) {
    const other = join(directory, `${randomUUID()}-${name}`)
    await make(other)
    renameSync(other, path)
    removeUnused()
  }
  const now = new Date()
  utimesSync(path, now, now)
  return path
}

function removeUnused(): void {
  for (const path of readdirSync(directory).map((name) => join(directory, name))) {
    const mtimeMs = statSync(path, { throwIfNoEntry: false })?.mtimeMs ?? 0
    if (Date.now() - mtimeMs > UNUSED_MS) rmSync(path, { force: true })
  }
}

/** Path of the published form. */
export function publishedBundle(): Promise<string> {
  return made(`${digest}.mjs`, bundleCli)
}

/** Path of a CommonJS module that exports `commandLine`. */
export function functionBundle(): Promise<string> {
  return made(`${digest}.cjs`, (outfile) =>
    build({
      entryPoints: [join(root, 'bindings/entry/cli/command-line.ts')],
      outfile,
      bundle: true,
      platform: 'node',
      format: 'cjs',
      target: 'node20',
      external: ['@assemblyscript/loader', 'msgpackr', '#zstd'],
    }),
  )
}
