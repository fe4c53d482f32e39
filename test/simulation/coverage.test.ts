// Which scenario exercises which row of the write-order table and which rule of docs/durability.md: each at least two,
// with several partitions and both acks. Rows are counted by the monitor and sends as they were made, not as a scenario
// says.
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { RESTATED_FILE } from '../../bindings/log/journal/layout.ts'
import type { WriteOrderObserver } from '../../bindings/storage/write-order.ts'
import { Enumerator } from '../../bindings/testkit/simulation/crash/enumerator.ts'
import { Monitor, WRITE_ORDER } from '../../bindings/testkit/simulation/crash/monitor.ts'
import { SCENARIOS } from '../../bindings/testkit/simulation/crash/scenarios.ts'
import { engineSystem } from '../../bindings/testkit/simulation/engine-system.ts'
import { SyncHost } from '../../bindings/testkit/simulation/sync-host.ts'
import { VirtualDisk } from '../../bindings/testkit/simulation/virtual-disk.ts'
import { replace } from './fault-tools.ts'
import { emptyHistory, LIVES, live } from './transaction-life.ts'

const seed = 7
const LEAST = 2
const RULES: readonly number[] = [1, 2, 3, 4, 5, 6, 7, 8, 9, 10]

interface Covered {
  readonly name: string
  readonly rules: readonly number[]
  readonly rows: ReadonlyMap<string, number>
  readonly partitions: number
  readonly acks: number
}

/** Runs it, and counts to where and how it sends. */
function cover(name: string, rules: readonly number[], run: () => ReadonlyMap<string, number>): Covered {
  const partitions = new Set<string>()
  const acks = new Set<unknown>()
  const mend = replace(
    SyncHost.prototype,
    'send',
    (before) =>
      function (this: SyncHost, request, answered) {
        partitions.add(`${request.topic}-${request.partition}`)
        acks.add(request.acks)
        return before.call(this, request, answered)
      },
  )
  try {
    const rows = run()
    return { name, rules, rows, partitions: partitions.size, acks: acks.size }
  } finally {
    mend()
  }
}

const covered: Covered[] = []
for (const scenario of SCENARIOS) {
  const run = () => new Enumerator(engineSystem, scenario, { seed, pointChance: 0 }).explore().checked
  covered.push(cover(scenario.name, scenario.rules, run))
}
for (const [name, life] of Object.entries(LIVES)) {
  const run = () => {
    const disk = new VirtualDisk()
    const monitor = new Monitor(disk)
    live(disk, life, emptyHistory(), seed, monitor)
    assert.equal(monitor.violations, [])
    return monitor.checked
  }
  covered.push(cover(name, life.rules, run))
}

const isWide = ({ partitions, acks }: Covered): boolean => partitions > 1 && acks > 1

function short(name: string, exercise: (each: Covered) => boolean): string[] {
  const found = covered.filter(exercise)
  const wide = found.filter(isWide)
  console.log(
    `${name.padEnd(30)} ${found.length} scenarios, ${wide.length} of several partitions and both acks: ` +
      wide.map((each) => each.name).join('; '),
  )
  return wide.length >= LEAST ? [] : [`${name}: ${wide.length} of ${found.map((each) => each.name).join(', ')}`]
}

test('each row of the write-order table is asked in at least two scenarios of several partitions and both acks', () => {
  assert.equal(
    WRITE_ORDER.flatMap((row) => short(`row ${row.name}`, ({ rows }) => (rows.get(row.name) ?? 0) > 0)),
    [],
  )
})

test('each rule stands in at least two scenarios of several partitions and both acks', () => {
  assert.equal(
    RULES.flatMap((rule) => short(`rule ${rule}`, ({ rules }) => rules.includes(rule))),
    [],
  )
})

test('the monitor is told of frames that recovery restates, and of closed segments that a checkpoint notes', () => {
  const told = { restated: 0, closed: 0 }
  const watched = {
    ...engineSystem,
    open(host: Parameters<typeof engineSystem.open>[0]) {
      const { observer } = host
      const placed: WriteOrderObserver['framePlaced'] = (sequence, file, ...place) => {
        if (file === RESTATED_FILE) told.restated++
        observer.framePlaced(sequence, file, ...place)
      }
      const noted: WriteOrderObserver['checkpointPlaced'] = (sequence, files) => {
        told.closed += files.length - new Set(files.map(({ file }) => file.split('/')[0])).size
        observer.checkpointPlaced(sequence, files)
      }
      const tells: WriteOrderObserver = {
        frameCovers: (...claim) => observer.frameCovers(...claim),
        framePlaced: placed,
        frameDurable: (sequence) => observer.frameDurable(sequence),
        decisionPlaced: (...decision) => observer.decisionPlaced(...decision),
        checkpointPlaced: noted,
        checkpointDurable: (...checkpoint) => observer.checkpointDurable(...checkpoint),
      }
      return engineSystem.open({ ...host, observer: tells })
    },
  }
  for (const name of ['crash after crash, with decisions between', 'acks 1 only, over several segments']) {
    const scenario = SCENARIOS.find((each) => each.name === name)
    assert.ok(scenario)
    const found = new Enumerator(watched, scenario, { seed, pointChance: 0 }).explore()
    assert.is(found.failedImages, 0, found.failures[0]?.violations.join('\n'))
  }
  assert.ok(told.restated > 0 && told.closed > 0, JSON.stringify(told))
})

test.run()
