/**
 * Looks at the package as a user gets it: packed, unpacked elsewhere, compiled against and run. Needs `npm run build`
 * first.
 *   npm run check:package      reports; exits with 1 when anything is wrong
 *   npm run api                writes the API report instead of comparing it
 */
import { spawnSync } from 'node:child_process'
import { cpSync, existsSync, mkdirSync, mkdtempSync, readFileSync, realpathSync, rmSync, symlinkSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join, resolve } from 'node:path'
import { checkApi } from './api.ts'
import { compileConsumers } from './matrix.ts'
import { codeOfPages } from './pages.ts'
import { bundledProgram, readmeProgram } from './programs.ts'

type Target = string | { readonly [condition: string]: Target }
interface Manifest {
  readonly exports: Record<string, Target>
  readonly imports?: Record<string, Target>
  readonly bin?: Record<string, string>
  readonly dependencies: Record<string, string>
}

const manifest = JSON.parse(readFileSync('package.json', 'utf8')) as Manifest
const scratch = realpathSync(mkdtempSync(join(tmpdir(), 'oncelog-package-')))
process.once('exit', () => rmSync(scratch, { recursive: true, force: true }))

function run(command: string, words: readonly string[], cwd: string = process.cwd()): string {
  const done = spawnSync(command, words, {
    cwd,
    encoding: 'utf8',
    maxBuffer: 64 << 20,
    shell: process.platform === 'win32',
  })
  if (done.status !== 0) throw new Error(`${command} ${words.join(' ')}\n${done.stdout}${done.stderr}`)
  return done.stdout
}

function leaves(target: Target | undefined): string[] {
  if (target === undefined) return []
  return typeof target === 'string' ? [target] : Object.values(target).flatMap(leaves)
}

/** So that nothing slips into the package by a new pattern: raise it when the sources grew. */
const FILES_MAX = 230
const PACKED_BYTES_MAX = 1_000_000
/** Pages that the README calls the repository's; all others that it or the changelog links are packed beside it. */
const ONLY_IN_REPOSITORY = ['ARCHITECTURE.md', 'CONTRIBUTING.md', 'bench/README.md', 'examples/README.md']
/** A program that imports the library waits for each of them (decision 026). */
const MODULES_MAX = 10

interface Packed {
  readonly tarball: string
  /** Unpacked under node_modules/oncelog of a folder that has nothing else but its dependencies. */
  readonly home: string
}

function pack(): Packed {
  const [packed] = JSON.parse(run('npm', ['pack', '--json', '--ignore-scripts', '--pack-destination', scratch])) as {
    filename: string
    size: number
    unpackedSize: number
    files: { path: string }[]
  }[]
  if (packed === undefined) throw new Error('npm pack answered nothing')
  const tarball = join(scratch, packed.filename)
  console.log(`${packed.filename}: ${packed.files.length} files, ${packed.size} bytes, unpacked ${packed.unpackedSize}`)
  const paths = packed.files.map((file) => file.path)
  checkFiles(paths)
  checkLinks(paths)
  if (packed.size > PACKED_BYTES_MAX) throw new Error(`the tarball is larger than ${PACKED_BYTES_MAX} bytes`)

  const home = join(scratch, 'consumer')
  const modules = join(home, 'node_modules')
  mkdirSync(join(modules, 'oncelog'), { recursive: true })
  run('tar', ['-xzf', tarball, '-C', join(modules, 'oncelog'), '--strip-components=1'])
  for (const name of [...Object.keys(manifest.dependencies), '@types/node', 'undici-types']) {
    mkdirSync(dirname(join(modules, name)), { recursive: true })
    symlinkSync(resolve('node_modules', name), join(modules, name), 'junction')
  }
  return { tarball, home }
}

/** What the manifest points at is there, and nothing that only a developer needs. */
function checkFiles(paths: readonly string[]): void {
  const has = new Set(paths.map((path) => `./${path}`))
  const named = [...leaves(manifest.exports), ...leaves(manifest.imports), ...leaves(manifest.bin)]
  const missing = named.filter((path) => !has.has(path))
  if (missing.length > 0) throw new Error(`package.json points at what isn't packed: ${missing.join(', ')}`)
  if (has.size > FILES_MAX) throw new Error(`${has.size} files packed, more than the ${FILES_MAX} that are expected`)
  const modules = paths.filter((path) => path.endsWith('.js')).length
  if (modules > MODULES_MAX) throw new Error(`${modules} modules packed, more than ${MODULES_MAX}`)
  const stray = paths.filter((path) => /\.map$|(?<!\.d)\.ts$|(^|\/)(test|bench|assembly)\//.test(path))
  if (stray.length > 0) throw new Error(`packed, but of no use to a user: ${stray.join(', ')}`)
}

/** A reader of the installed package gets to every page that is promised. */
function checkLinks(paths: readonly string[]): void {
  const reached = new Set([...paths, ...ONLY_IN_REPOSITORY])
  for (const page of ['README.md', 'CHANGELOG.md']) {
    const links = Array.from(readFileSync(page, 'utf8').matchAll(/\]\(([^)#]+)/g), ([, link]) => link ?? '')
    const lost = links.filter((link) => !link.includes('://') && !reached.has(link))
    if (lost.length > 0) throw new Error(`${page} links what isn't packed: ${lost.join(', ')}`)
  }
}

async function lintPackage(tarball: string): Promise<void> {
  const { publint } = await import('publint')
  const { formatMessage } = await import('publint/utils')
  const bytes = readFileSync(tarball)
  const found = await publint({
    pack: { tarball: bytes.buffer.slice(bytes.byteOffset, bytes.byteOffset + bytes.byteLength) },
    strict: true,
    level: 'warning',
  })
  const texts = found.messages.map(
    (message) => `  ${message.code}: ${formatMessage(message, found.pkg as never) ?? ''}`,
  )
  if (texts.length > 0) throw new Error(texts.join('\n'))
}

/** Imports every export by name on plain Node, runs the program and asks the command line for its help. */
function runPrograms(home: string): void {
  for (const [name, target] of Object.entries(manifest.exports)) {
    if (!leaves(target).some((path) => path.endsWith('.js'))) continue
    const specifier = name.replace(/^\./, 'oncelog')
    const text = `await import('${specifier}').then((it) => { if (Object.keys(it).length === 0) throw new Error('exports nothing') })`
    run(process.execPath, ['--input-type=module', '--eval', text], home)
  }
  for (const program of ['program.mjs', 'conformance.mjs', 'own-storage.mjs']) {
    console.log(run(process.execPath, [program], home).trimEnd())
  }
  for (const [name, path] of Object.entries(manifest.bin ?? {})) {
    const help = run(process.execPath, [join('node_modules/oncelog', path), '--help'], home)
    if (!help.includes(name)) throw new Error(`the help of ${name} doesn't name it:\n${help}`)
  }
}

async function step(name: string, work: () => void | Promise<void>): Promise<void> {
  const started = performance.now()
  try {
    await work()
    console.log(`ok   ${name}  ${Math.round(performance.now() - started)} ms`)
  } catch (error) {
    process.exitCode = 1
    console.log(`FAIL ${name}\n${error instanceof Error ? error.message : String(error)}`)
  }
}

function declarationsOf(name: string): string | undefined {
  return leaves(manifest.exports[name]).find((path) => path.endsWith('.d.ts'))
}

async function main(): Promise<void> {
  if (!existsSync('dist/built')) throw new Error('nothing is built: npm run build')
  const write = process.argv.includes('--write-api')
  for (const name of Object.keys(manifest.exports)) {
    const declarations = declarationsOf(name)
    if (declarations !== undefined) await step(`API report of ${name}`, () => checkApi(name, declarations, write))
  }
  if (write) return

  let packed: Packed | undefined
  await step('pack', () => {
    packed = pack()
    cpSync('test/package/consumer', packed.home, { recursive: true })
  })
  if (packed === undefined) return
  const { tarball, home } = packed
  await step('publint', () => lintPackage(tarball))
  await step('are the types wrong', () => {
    const words = ['--profile', 'esm-only', '--exclude-entrypoints', './kernel.wasm', '--no-emoji', '--no-color']
    run(process.execPath, ['node_modules/@arethetypeswrong/cli/dist/index.js', tarball, ...words])
  })
  await step('consumers compile', () => compileConsumers(home))
  await step('programs run on plain Node', () => runPrograms(home))
  await step('the code of the README and the pages compiles and runs', () => codeOfPages(home))
  await step('the program of the README, as printed, from the tarball', () =>
    readmeProgram(join(scratch, 'readme'), tarball),
  )
  await step('a bundled program runs alone', () => bundledProgram(home, join(scratch, 'bundled')))
}

await main()
