/**
 * Shows one failure of the crash simulation again:
 *
 *   node --import tsx test/simulation/replay.ts engine 'ring grows' 7 36.2
 *
 * system, scenario, seed and the crash points with their images (left out: without a crash). Every operation on the disk
 * is printed.
 */
import { describeFailure, Enumerator } from '../../bindings/testkit/simulation/crash/enumerator.ts'
import { SCENARIOS } from '../../bindings/testkit/simulation/crash/scenarios.ts'
import type { SystemUnderTest } from '../../bindings/testkit/simulation/crash/system-under-test.ts'
import { VirtualDisk } from '../../bindings/testkit/simulation/virtual-disk.ts'
import { systemNamed } from './systems.ts'

const [systemName = '', name, seed, only] = process.argv.slice(2)
const scenario = SCENARIOS.find((each) => each.name === name)
if (scenario === undefined) {
  const names = SCENARIOS.map((each) => `  ${each.name}`).join('\n')
  throw new Error(`usage: replay.ts <system> '<scenario>' <seed> [<point.image/point.image>]\n${names}`)
}
const system = systemNamed(systemName)

const traced: SystemUnderTest = {
  name: system.name,
  open(host) {
    console.log('-- open')
    const disk = host.store
    if (disk instanceof VirtualDisk) trace(disk)
    return system.open(host)
  },
}

function trace(disk: VirtualDisk): void {
  const { watch } = disk
  disk.watch = (number, kind, path, range) => {
    console.log(`${number} ${kind} ${path}${range === undefined ? '' : ` ${range.position}+${range.lengthBytes}`}`)
    watch?.(number, kind, path, range)
  }
}

const { failures, images, nestedImages } = new Enumerator(traced, scenario, {
  seed: Number(seed),
  only: only ?? 'none',
  nestedChances: [1, 1, 1],
}).explore()
for (const failure of failures) console.log(describeFailure(system.name, failure))
console.log(`${images + nestedImages} images, ${failures.length} failures`)
process.exitCode = failures.length > 0 ? 1 : 0
