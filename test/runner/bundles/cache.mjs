// Bundles of TypeScript files under node_modules/.cache. A note for each file names its bundle with the parts that others share,
// the sources that went into them and their states: one that differs makes it anew. Nothing is written over but notes.
import { createHash, randomUUID } from 'node:crypto'
import { existsSync, mkdirSync, readdirSync, readFileSync, renameSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { basename, dirname, join, resolve } from 'node:path'
import { fileURLToPath, pathToFileURL } from 'node:url'

const root = fileURLToPath(new URL('../../../', import.meta.url))
const cache = join(root, 'node_modules/.cache/oncelog-tests')
/** What decides about each bundle beside its sources. */
const MAKERS = [
  fileURLToPath(import.meta.url),
  join(root, 'tsconfig.json'),
  join(root, 'node_modules/esbuild/package.json'),
]
/** A source that was changed so shortly before may have been changed since it was read, within one tick of the clock. */
const TICK_NS = 50_000_000n
/** No process takes so long between a note and its bundle. */
const UNUSED_MS = 3_600_000

function notePathOf(path) {
  return join(cache, `${createHash('sha256').update(path).digest('hex').slice(0, 24)}.json`)
}

/** Whatever is written to a file changes it, and no program can set it. */
function stateOf(path) {
  const found = statSync(path, { bigint: true, throwIfNoEntry: false })
  return found === undefined ? '' : `${found.ctimeNs} ${found.size}`
}

function readNote(path) {
  try {
    return JSON.parse(readFileSync(path, 'utf8'))
  } catch {
    return undefined
  }
}

/** Path of the bundle; `undefined` if there is none, or one of other sources than those of now. */
function freshBundle(path) {
  const note = readNote(notePathOf(path))
  const isFresh = note !== undefined && Object.entries(note.inputs).every(([input, state]) => stateOf(input) === state)
  return isFresh ? join(cache, note.files[0]) : undefined
}

export async function bundleOf(path) {
  const fresh = freshBundle(path)
  if (fresh !== undefined) return fresh
  const [made] = await makeBundles([path])
  return made
}

export async function makeBundles(paths) {
  const stale = paths.map((path) => resolve(path)).filter((path) => freshBundle(path) === undefined)
  if (stale.length === 0) return []
  const { build } = await import('esbuild')
  const begunNs = BigInt(Date.now()) * 1_000_000n
  const { metafile, outputFiles } = await build({
    entryPoints: stale.map((path) => ({ in: path, out: join(cache, randomUUID()) })),
    outdir: cache,
    absWorkingDir: root,
    tsconfig: join(root, 'tsconfig.json'),
    bundle: true,
    splitting: true,
    write: false,
    metafile: true,
    platform: 'node',
    target: 'node20',
    format: 'esm',
    packages: 'external',
    sourcemap: 'linked',
    sourcesContent: false,
    outExtension: { '.js': '.mjs' },
    ignoreAnnotations: true,
    logLevel: 'silent',
    plugins: [ownPlace, ownUvu],
  })
  mkdirSync(cache, { recursive: true })
  // A part has its content's hash in its name: one that is there is the same.
  for (const { path, contents } of outputFiles) if (!existsSync(path)) put(path, contents)
  // What is imported later has an entry of its own, too.
  const made = Object.entries(metafile.outputs).filter(([, { entryPoint }]) =>
    stale.includes(resolve(root, entryPoint ?? '')),
  )
  return made.map(([output, { entryPoint }]) => {
    const parts = partsOf(metafile.outputs, output)
    const inputs = parts.flatMap((part) => Object.keys(metafile.outputs[part].inputs))
    const files = parts.map((part) => basename(part))
    writeNote(
      { source: resolve(root, entryPoint), files, inputs: inputs.map((input) => resolve(root, input)) },
      begunNs,
    )
    return resolve(root, output)
  })
}

/** An output and all that it imports, itself first. */
function partsOf(outputs, output) {
  const parts = new Set([output])
  for (const part of parts) {
    for (const { path, external } of outputs[part].imports) if (external !== true) parts.add(path)
  }
  return [...parts]
}

/** Others read and write beside it. */
function put(path, contents) {
  const other = `${path}.${randomUUID()}`
  writeFileSync(other, contents)
  renameSync(other, path)
}

/** A bundle that may be older than a source serves now, and is made anew the next time. */
function writeNote({ source, files, inputs }, begunNs) {
  const states = [...inputs, ...MAKERS].map((path) => [path, stateOf(path)])
  const isSure = states.every(([, state]) => BigInt(state.split(' ')[0] || 0) < begunNs - TICK_NS)
  const note = {
    source,
    files,
    inputs: isSure ? Object.fromEntries(states) : { [source]: 'may have changed meanwhile' },
  }
  put(notePathOf(source), JSON.stringify(note))
}

/** Notes of files that are gone, and what no note names. */
export function dropForgotten() {
  if (!existsSync(cache)) return
  const names = readdirSync(cache)
  const named = new Set()
  for (const name of names.filter((each) => each.endsWith('.json'))) {
    const note = readNote(join(cache, name))
    if (note === undefined || !existsSync(note.source)) continue
    for (const each of [name, ...note.files, ...note.files.map((file) => `${file}.map`)]) named.add(each)
  }
  for (const name of names.filter((each) => !named.has(each))) {
    const path = join(cache, name)
    const found = statSync(path, { throwIfNoEntry: false })
    if (found !== undefined && Date.now() - found.mtimeMs > UNUSED_MS) rmSync(path, { force: true })
  }
}

/** A file's place is that of its source, not that of the bundle. */
const ownPlace = {
  name: 'own place',
  setup(build) {
    build.initialOptions.define = { 'import.meta.url': '__sourceUrl', 'import.meta.dirname': '__sourceDirectory' }
    build.onLoad({ filter: /([\\/](test|examples|bench)[\\/].*\.ts|\.mjs)$/ }, ({ path }) => {
      const [text, loader] = [readFileSync(path, 'utf8'), path.endsWith('.ts') ? 'ts' : 'js']
      if (!text.includes('import.meta')) return { contents: text, loader }
      const [url, directory] = [pathToFileURL(path).href, dirname(path)].map((place) => JSON.stringify(place))
      return { contents: `const __sourceUrl = ${url}, __sourceDirectory = ${directory}; ${text}`, loader }
    })
  },
}

/** uvu as test files get it. */
const ownUvu = {
  name: 'own uvu',
  setup(build) {
    const own = join(root, 'test/runner/bundles/uvu.mjs')
    build.onResolve({ filter: /^uvu$/ }, ({ importer }) => (importer === own ? undefined : { path: own }))
  },
}
