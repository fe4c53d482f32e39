/**
 * `npm run limits`: each bench of this folder in a process of its own, one after the other; `-- WORD` for those whose
 * name holds one of the words. Ends with a line for each, and with 1 where one passed a limit. The long ones run short
 * here: bench/README.md says how long they may.
 */
import { spawnSync } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { namedBy } from '../../test/command-line.ts'

/** By name, with what each is given here. */
const BENCHES: Readonly<Record<string, readonly string[]>> = {
  partitions: [],
  producers: [],
  tables: [],
  segments: [],
  retention: [],
  recovery: [],
  checkpoint: [],
  compaction: [],
  compression: [],
  roll: [],
  scale: [],
  attached: [],
  takeover: [],
  'unclean-open': [],
  'memory-cap': ['--minutes', '2'],
  soak: ['--minutes', '3'],
}

const chosen = namedBy('bench', process.argv.slice(2), Object.keys(BENCHES))
const ended: string[] = []
for (const name of chosen) {
  const given = BENCHES[name] ?? []
  console.log(`\n${name} ${given.join(' ')}`)
  const path = fileURLToPath(new URL(`${name}.ts`, import.meta.url))
  const { status } = spawnSync(process.execPath, ['--expose-gc', '--import', 'tsx', path, ...given], {
    stdio: 'inherit',
  })
  ended.push(`${status === 0 ? 'within' : 'NOT within'}  ${name}`)
  if (status !== 0) process.exitCode = 1
}
console.log(`\n${ended.join('\n')}`)
