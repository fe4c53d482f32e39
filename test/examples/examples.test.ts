// Every example is run as its header says, and does what it says.
import { spawnSync } from 'node:child_process'
import { readdirSync, readFileSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { LOADER } from '../runner/loader.ts'
import { scratchDirectory } from '../scratch.ts'

const expected: Readonly<Record<string, string>> = {
  'work-queue.ts': `job 1 done
job 2 done
worker ended by SIGKILL
job 2 done
job 3 put aside
job 4 done
worker ended by exit code 0
`,
  'shared-jobs.ts': `job 1 done at delivery 1
job 2 done at delivery 2
job 3 put aside
job 4 done at delivery 1
job 5 done at delivery 1
job 6 done at delivery 1
dead letter 3: no such address
`,
  'own-database.ts': 'ada 1683\nbob 1617\neve 1650\n',
  'typed-topics.ts': `RECORD_SERIALIZATION [ 'item', 'at' ]
ada tea 2026
[ 'gate' ] Float64Array(2) [ 1.5, 2.5 ]
`,
  'replay.ts': `now       Map(1) { 'ada' => 15 }
at noon   Map(2) { 'ada' => 10, 'bob' => 20 }
since     Map(1) { 'ada' => 15 }
`,
  'follow.ts': 'seen 0 one\nseen 1 two\nseen 2 three\nstopped\nstreamed one\n',
  'back-pressure.ts': "20000 records of 10 sensors, each sensor's in order: true\n",
  'service.ts': `tested in memory
opened, closed properly before, 0 damages
greeting 0 is on stable storage
`,
}

const programs = readdirSync('examples').filter((name) => name.endsWith('.ts'))

test('no example is left out, here and in their list', () => {
  assert.equal(programs.sort(), Object.keys(expected).sort())
  const list = readFileSync('examples/README.md', 'utf8')
  assert.equal(
    programs.filter((name) => !list.includes(`(${name})`)),
    [],
  )
})

for (const name of programs) {
  test(name, () => {
    assert.match(readFileSync(`examples/${name}`, 'utf8'), `node --import tsx examples/${name}`)
    const home = scratchDirectory('example')
    try {
      const words = [...LOADER, `examples/${name}`, join(home, 'data')]
      const { status, stdout, stderr } = spawnSync(process.execPath, words, { encoding: 'utf8' })
      assert.is(status, 0, stderr)
      assert.is(stdout, expected[name])
    } finally {
      rmSync(home, { recursive: true, force: true })
    }
  })
}

test.run()
