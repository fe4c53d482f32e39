// The whole log over the real driver: what its system calls make durable, and in which order. A program writes in all
// ways to a directory of this machine, the calls are recorded, and what a power failure at some of these moments leaves
// is opened: all that the program was told by then is there, and nothing that it never committed.
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { FILE_SYSTEMS } from '../../bindings/testkit/simulation/file-systems.ts'
import type { ImageMode } from '../../bindings/testkit/simulation/image.ts'
import { Random } from '../../bindings/testkit/simulation/random.ts'
import type { VirtualDisk } from '../../bindings/testkit/simulation/virtual-disk.ts'
import { judge } from './recorded/judge.ts'
import { type Fact, Program } from './recorded/program.ts'
import { RecordedDisk } from './recorded/recorded-disk.ts'

const SEEDS = process.argv[2] === undefined ? [1, 2, 3] : [Number(process.argv[2])]
const ROUNDS = 60
const IMAGES = 200
/** So many calls a run makes about. */
const CALLS = 1200
const MODES: readonly ImageMode[] = ['none', 'mixed', 'mixed', 'mixed', 'all', 'kill']

interface Failure {
  readonly disk: VirtualDisk
  readonly facts: readonly Fact[]
  readonly text: string
}

for (const seed of SEEDS) {
  test(`whenever the power fails, what was acknowledged is there: seed ${seed}`, async () => {
    const directory = mkdtempSync(join(tmpdir(), 'oncelog-power-'))
    const random = new Random(seed)
    const recorded = new RecordedDisk(directory)
    const program = new Program(directory, new Random(seed + 1))
    const failures: Failure[] = []
    recorded.watch = () => {
      if (!random.chance(IMAGES / CALLS)) return
      const mode = MODES[random.below(MODES.length)] ?? 'none'
      const fileSystem = FILE_SYSTEMS[random.below(FILE_SYSTEMS.length)] ?? 'posix'
      const disk = recorded.image(random, mode, fileSystem)
      failures.push({ disk, facts: [...program.facts], text: `call ${recorded.calls}, ${mode}, ${fileSystem}` })
    }
    const end = recorded.record()
    try {
      await program.run(ROUNDS)
      assert.equal(recorded.differences(), [], 'the record is not what happened')
    } finally {
      end()
      rmSync(directory, { recursive: true, force: true })
    }
    const wrong: string[] = []
    for (const { disk, facts, text } of failures) {
      for (const what of await judge(disk, facts)) wrong.push(`${text}: ${what}`)
    }
    assert.equal(wrong.slice(0, 10), [], `seed ${seed}`)
    const told = program.facts.filter(({ kind }) => kind === 'acknowledged').length
    console.log(
      `${recorded.calls} calls, ${recorded.directWrites} past the page cache, ${told} acknowledged, ${failures.length} power failures`,
    )
    assert.ok(failures.length > 100 && told > 500)
  })
}

test.run()
