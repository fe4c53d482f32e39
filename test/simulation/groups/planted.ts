import { randomUUID } from 'node:crypto'
import { readFileSync, rmSync } from 'node:fs'
import { fileURLToPath, pathToFileURL } from 'node:url'
import { build } from 'esbuild'
import type * as run from './run.ts'

/** Something that is taken out of one source: most of what guards a group is private to its class. */
export interface PlantedFault {
  readonly name: string
  /** Below bindings/. */
  readonly file: string
  /** What is replaced, and by what; it stands in the file once. */
  readonly find: string
  readonly put: string
}

const root = fileURLToPath(new URL('../../../', import.meta.url))

/** The simulation of groups over sources that have the fault. */
export async function planted({ name, file, find, put }: PlantedFault): Promise<typeof run.simulateGroups> {
  const source = `${root}bindings/${file}`
  const text = readFileSync(source, 'utf8')
  if (text.split(find).length !== 2) throw new Error(`${name}: what it takes out doesn't stand once in ${file}`)
  // Where the packages that it imports are found.
  const outfile = `${root}node_modules/.cache/oncelog-planted/${randomUUID()}.mjs`
  const faulty = { contents: text.replace(find, () => put), loader: 'ts' as const }
  await build({
    ...{ entryPoints: [`${root}test/simulation/groups/run.ts`], outfile, absWorkingDir: root },
    ...{ bundle: true, format: 'esm', platform: 'node', target: 'node20', packages: 'external', logLevel: 'silent' },
    tsconfig: `${root}tsconfig.json`,
    plugins: [{ name: 'planted', setup: ({ onLoad }) => onLoad({ filter: exactly(source) }, () => faulty) }],
  })
  try {
    return ((await import(pathToFileURL(outfile).href)) as typeof run).simulateGroups
  } finally {
    rmSync(outfile)
  }
}

function exactly(path: string): RegExp {
  return new RegExp(`^${path.replaceAll(/[.*+?^${}()|[\]\\]/g, '\\$&')}$`)
}
