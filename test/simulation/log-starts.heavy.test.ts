// Log starts that move, crashed before each operation: what was deleted stays deleted, what was not stays, no log is
// damaged. Then each mechanism taken out in turn: what clients see alone must tell.
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { LogStarts } from '../../bindings/engine/log-starts.ts'
import { Topics } from '../../bindings/engine/topics.ts'
import { TopicTable } from '../../bindings/log/catalogue/topic-table.ts'
import { StoredFiles } from '../../bindings/log/stored-files/stored-files.ts'
import { Enumerator } from '../../bindings/testkit/simulation/crash/enumerator.ts'
import {
  describeFailure,
  type Exploration,
  type Scenario,
} from '../../bindings/testkit/simulation/crash/exploration.ts'
import { LOG_START_SCENARIOS } from '../../bindings/testkit/simulation/crash/log-start-scenarios.ts'
import { Marks } from '../../bindings/testkit/simulation/crash/marks.ts'
import { engineSystem, rowSystem } from '../../bindings/testkit/simulation/engine-system.ts'
import { replace } from './fault-tools.ts'
import { Tally } from './tally.ts'

const common = { seed: 7, images: 7, pointChance: 0.16, nestedChances: [0.01, 0], lifeChance: 0.2 }
const marks = new Marks()
const tally = new Tally()

for (const system of [engineSystem, rowSystem]) {
  for (const scenario of LOG_START_SCENARIOS) {
    test(`${system.name}: ${scenario.name}`, () => {
      const found = new Enumerator(system, scenario, { ...common, marks }).explore()
      assert.is(found.failedImages, 0, found.failures.map((each) => describeFailure(system.name, each)).join('\n'))
      tally.add(found)
    })
  }
}

test('recoveries met segments below the start', () => {
  assert.equal(marks.missing(['segments-below-start']), [], marks.summary())
  console.log(`COUNTED: ${tally}`)
})

/** The answer mends it. */
const FAULTS: readonly (readonly [name: string, scenario: number, plant: () => () => void])[] = [
  [
    'readers are told and files go without a durable decision',
    0,
    () =>
      replace(LogStarts.prototype, 'move', () => (moves, done) => {
        for (const { hosted, logStartOffset } of moves) {
          const { watermarks } = hosted.partition
          watermarks.logStartOffset = Math.max(watermarks.logStartOffset, logStartOffset)
        }
        done(undefined)
      }),
  ],
  [
    'segments above the checkpoint are removed',
    0,
    () => replace(StoredFiles.prototype, 'isNotedClosed', () => () => true),
  ],
  [
    'the decision is forgotten by a restart',
    0,
    () =>
      replace(
        TopicTable.prototype,
        'apply',
        (original) =>
          function (this: TopicTable, entry) {
            if (entry.kind !== 'log-start-moved') original.call(this, entry)
          },
      ),
  ],
  [
    'retention.bytes taken for nothing',
    1,
    () =>
      replace(
        Topics.prototype,
        'config',
        (original) =>
          function (this: Topics, topicId) {
            const config = original.call(this, topicId)
            return config.retentionBytes < 0 ? config : { ...config, retentionBytes: 0 }
          },
      ),
  ],
]

/** Some are seen at few moments only, which the images of one seed may all miss. */
const SEEDS_MOST = 24

/** The images of one seed after the other until something is seen. */
function exploreSeeds(scenario: Scenario): Exploration {
  let found: Exploration | undefined
  for (let seed = common.seed; seed < common.seed + SEEDS_MOST; seed++) {
    const options = { ...common, seed, pointChance: 1, stopAtFirst: true, ignoreMonitor: true }
    found = new Enumerator(engineSystem, scenario, options).explore()
    if (found.failedImages > 0) break
  }
  assert.ok(found)
  return found
}

for (const [name, at, plant] of FAULTS) {
  test(`planted: ${name}`, () => {
    const scenario = LOG_START_SCENARIOS[at]
    assert.ok(scenario)
    const mend = plant()
    try {
      const found = exploreSeeds(scenario)
      assert.ok(found.failedImages > 0, `${found.images} images of each seed and nothing was seen`)
      console.log(`${name}: ${found.failures[0]?.violations[0]?.slice(0, 120)}`)
    } finally {
      mend()
    }
  })
}

test.run()
