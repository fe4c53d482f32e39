/** The code of the README and of the packed pages: each block is compiled against the package, and run beside it. */
import { spawnSync } from 'node:child_process'
import { mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { transformSync } from 'esbuild'
import ts from 'typescript'
import { faultsOf } from './matrix.ts'

/** What the code of a page leaves to its reader: as types, and as a program before and after it. */
interface Surrounding {
  readonly types: string
  readonly before: string
  readonly behind: string
}

const SURROUNDINGS: Readonly<Record<string, Surrounding>> = {
  'docs/storage-drivers.md': {
    types: `
import type { FileStore } from 'oncelog'
declare function freshPlace(): Promise<string>
declare function openMine(place: string): FileStore
declare function removePlace(place: string): void
declare function test(name: string, run: () => Promise<void>): void
`,
    before: `
import { MapStore } from './driver.mjs'
const freshPlace = async () => new MapStore()
const openMine = (place) => place.reopen()
const removePlace = () => {}
const runs = []
const test = (name, run) => runs.push(run)
`,
    behind: `
for (const run of runs) await run()
if (runs.length === 0) throw new Error('no case was run')
`,
  },
}

/** Blocks of JavaScript or TypeScript, with what they need. */
function* blocks(): Generator<Surrounding & { readonly page: string; readonly code: string }> {
  const pages = ['README.md', ...readdirSync('docs').flatMap((name) => (name.endsWith('.md') ? [`docs/${name}`] : []))]
  for (const page of pages) {
    const needed = SURROUNDINGS[page] ?? { types: '', before: '', behind: '' }
    for (const [, code = ''] of readFileSync(page, 'utf8').matchAll(
      /^```(?:js|ts|mjs|javascript|typescript)\n(.*?)^```$/gms,
    ))
      yield { ...needed, page, code }
  }
}

/** `home` has the unpacked package. Throws for the blocks that don't compile or run. */
export function codeOfPages(home: string): void {
  const faults: string[] = []
  let count = 0
  for (const { page, code, types, before, behind } of blocks()) {
    const name = `page-${++count}`
    writeFileSync(join(home, `${name}.ts`), `${types}${code}export {}\n`)
    const settings = {
      lib: ['lib.es2022.d.ts'],
      types: ['node'],
      module: ts.ModuleKind.NodeNext,
      moduleResolution: ts.ModuleResolutionKind.NodeNext,
    }
    faults.push(...faultsOf(home, `${name}.ts`, settings).map((fault) => `${page}: ${fault}`))
    const directory = join(home, name)
    mkdirSync(directory)
    const { code: program } = transformSync(`${before.replaceAll('./', '../')}${code}${behind}`, {
      loader: 'ts',
      target: 'es2022',
    })
    writeFileSync(join(directory, 'page.mjs'), program)
    const { status, stderr } = spawnSync(process.execPath, ['page.mjs'], {
      cwd: directory,
      encoding: 'utf8',
      timeout: 60_000,
    })
    if (status !== 0) faults.push(`${page}: a block ends with ${status}\n${stderr}`)
  }
  if (count < 2) faults.push(`${count} blocks were found`)
  if (faults.length > 0) throw new Error(faults.join('\n'))
}
