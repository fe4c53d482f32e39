// With arguments it shows one failure of the crash simulation again, operation by operation, as a failure prints it:
//
//   node test/runner/bundles/start.mjs test/simulation/replay.test.ts engine 'ring grows' 7 36.2
//
// system, scenario, seed, crash points with their images (none: without a crash). Without arguments it tries that
// command on a planted fault.
import { spawnSync } from 'node:child_process'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { Enumerator } from '../../bindings/testkit/simulation/crash/enumerator.ts'
import { describeFailure } from '../../bindings/testkit/simulation/crash/exploration.ts'
import { FULL_SIZE_SCENARIOS } from '../../bindings/testkit/simulation/crash/full-size-scenarios.ts'
import { SCENARIOS } from '../../bindings/testkit/simulation/crash/scenarios.ts'
import type { SystemUnderTest } from '../../bindings/testkit/simulation/crash/system-under-test.ts'
import { engineSystem, fullSizeSystem, rowSystem } from '../../bindings/testkit/simulation/engine-system.ts'
import { byName, numberOf, refuse } from '../command-line.ts'
import { TOY_FAULTS } from './toy-entries.ts'
import { toySystem } from './toy-log.ts'

const SYSTEMS: readonly SystemUnderTest[] = [
  ...[engineSystem, fullSizeSystem, rowSystem, toySystem()],
  ...TOY_FAULTS.map((fault) => toySystem(fault)),
]

const ALL_SCENARIOS = [...SCENARIOS, ...FULL_SIZE_SCENARIOS]

/** Prints what each opening does to its storage. */
function traced(system: SystemUnderTest): SystemUnderTest {
  return {
    ...system,
    open(host) {
      console.log('-- open')
      const { storage } = host
      const { watch } = storage
      storage.watch = (number, kind, path, range) => {
        console.log(`${number} ${kind} ${path}${range === undefined ? '' : ` ${range.position}+${range.lengthBytes}`}`)
        watch?.(number, kind, path, range)
      }
      return system.open(host)
    },
  }
}

function replay(systemName: string, name: string, seed: number, only: string): number {
  const options = { seed, only, images: 1000, nestedChances: [1, 1, 1] }
  const system = byName('system', systemName, SYSTEMS)
  const explored = new Enumerator(traced(system), byName('scenario', name, ALL_SCENARIOS), options).explore()
  const { failures, images, nestedImages } = explored
  if (only !== 'none' && images + nestedImages < only.split('/').length)
    refuse(`nothing of "${name}" crashes at ${only}`)
  for (const failure of failures) console.log(describeFailure(systemName, failure))
  console.log(`${failures.length} failures`)
  return failures.length
}

const [systemName, name = '', seed = '0', only = 'none'] = process.argv.slice(2)
if (systemName !== undefined) {
  process.exitCode = replay(systemName, name, numberOf('the seed', seed, 0), only) > 0 ? 1 : 0
} else {
  test('the command that a failure prints shows the same failure, and nothing on the right log', () => {
    const fault = 'trusts-what-it-reads'
    const options = { seed: 7, stopAtFirst: true, nestedChances: [0.2, 0.1] }
    const scenario = byName('scenario', 'single append, acks all', SCENARIOS)
    const [failure] = new Enumerator(toySystem(fault), scenario, options).explore().failures
    assert.ok(failure)
    const printed = describeFailure(`toy:${fault}`, failure).split('\n').at(-1)?.trim() ?? ''
    const run = (command: string) => spawnSync('sh', ['-c', command], { encoding: 'utf8' })
    const again = run(printed)
    assert.is(again.status, 1, again.stderr)
    for (const violation of failure.violations) assert.ok(again.stdout.includes(violation), violation)
    assert.is(run(printed.replace(`toy:${fault}`, 'toy')).status, 0)
  })
  test.run()
}
