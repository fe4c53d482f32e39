import type { Client } from './client.ts'
import type { Scenario } from './exploration.ts'
import { lifeScenarios } from './life-scenarios.ts'

const LARGE = 6000

/** Rounds of small durable sends: enough of them wrap a journal of 16 KiB files and force checkpoints. */
function rounds(client: Client, count: number, partitions: number): void {
  for (let round = 0; round < count; round++) {
    for (let partition = 0; partition < partitions; partition++) client.send('t', partition)
    client.settle()
  }
}

const writeScenarios: readonly Scenario[] = [
  {
    name: 'single append, acks all',
    rules: [1, 2],
    run(client) {
      client.createTopic('t')
      client.put('t', 0)
    },
  },
  {
    name: 'single append, acks 1',
    rules: [2, 5],
    run(client) {
      client.createTopic('t')
      client.put('t', 0, { acks: 1 })
      client.fetch('t', 0)
    },
  },
  {
    name: 'prefix: acks 1, then all',
    rules: [2, 5],
    run(client) {
      client.createTopic('t')
      client.put('t', 0, { acks: 1, count: 2 })
      client.put('t', 0, { acks: 1 })
      client.put('t', 0)
      client.put('t', 0, { acks: 1 })
      client.fetch('t', 0)
    },
  },
  {
    name: 'both acks in flight together',
    rules: [1, 2, 5],
    run(client) {
      client.createTopic('t', 2)
      for (let round = 0; round < 3; round++) {
        client.send('t', 0, { acks: 1 })
        client.send('t', 0)
        client.send('t', 1)
        client.send('t', 1, { acks: 1 })
        client.steps(2)
      }
      client.settle()
      client.fetch('t', 0)
      client.fetch('t', 1)
    },
  },
  {
    name: 'many partitions in one frame',
    rules: [1, 2],
    run(client) {
      client.createTopic('t', 5)
      rounds(client, 2, 5)
    },
  },
  {
    name: 'next frame fills while one is in flight',
    rules: [1],
    run(client) {
      client.createTopic('t', 2)
      for (let round = 0; round < 6; round++) {
        client.send('t', round % 2, { count: 1 + (round % 3) })
        client.steps(1)
      }
      client.settle()
    },
  },
  {
    name: 'large group by extent',
    rules: [2, 6],
    run(client) {
      client.createTopic('t')
      client.put('t', 0, { sizeBytes: LARGE })
      client.put('t', 0, { sizeBytes: LARGE + 100 })
    },
  },
  {
    name: 'two extents in one segment',
    rules: [2, 6],
    run(client) {
      client.createTopic('t')
      client.put('t', 0, { sizeBytes: 4200 })
      client.put('t', 0, { sizeBytes: 4300 })
    },
  },
  {
    name: 'extents over a roll, acks 1 between',
    rules: [2, 5, 6],
    run(client) {
      client.createTopic('t', 2)
      for (let round = 0; round < 4; round++) {
        client.send('t', 0, { sizeBytes: 4500 })
        client.send('t', 0, { acks: 1 })
        client.send('t', 1, { sizeBytes: 4500, acks: round % 2 === 0 ? 1 : 'all' })
        client.settle()
      }
      client.fetch('t', 1)
    },
  },
  {
    name: 'extents while a checkpoint runs',
    rules: [2, 4],
    run(client) {
      client.createTopic('t')
      for (let round = 0; round < 12; round++) {
        client.send('t', 0, { sizeBytes: round % 3 === 2 ? 900 : 4200, acks: round % 5 === 4 ? 1 : 'all' })
        client.steps(2 + (round % 3))
      }
      client.settle()
    },
  },
  {
    name: 'extent and inline mixed',
    rules: [2],
    run(client) {
      client.createTopic('t', 3)
      for (let round = 0; round < 2; round++) {
        client.send('t', 0)
        client.send('t', 1, { sizeBytes: LARGE })
        client.send('t', 2, { acks: 1 })
        client.settle()
        client.put('t', 1)
      }
    },
  },
  {
    name: 'appends to a partial sector after an extent',
    rules: [2, 6],
    run(client) {
      client.createTopic('t')
      client.put('t', 0, { sizeBytes: LARGE })
      for (let round = 0; round < 3; round++) client.put('t', 0, { acks: round === 1 ? 1 : 'all' })
    },
  },
  {
    name: 'roll',
    rules: [4, 6],
    run(client) {
      client.createTopic('t')
      for (let round = 0; round < 8; round++) client.put('t', 0, { sizeBytes: 3000 })
    },
  },
  {
    name: 'roll while a frame is in flight',
    rules: [1, 4],
    run(client) {
      client.createTopic('t', 2)
      for (let round = 0; round < 6; round++) {
        client.send('t', 0, { sizeBytes: 3000, acks: round % 3 === 0 ? 1 : 'all' })
        client.send('t', 1)
        client.steps(1)
      }
      client.settle()
    },
  },
  {
    name: 'acks 1 only, over several segments',
    rules: [4, 5],
    run(client) {
      client.createTopic('t')
      for (let round = 0; round < 10; round++) client.put('t', 0, { sizeBytes: 2500, acks: 1 })
      client.fetch('t', 0)
      client.put('t', 0)
    },
  },
  {
    name: 'checkpoint while writing',
    rules: [4, 1],
    run(client) {
      client.createTopic('t', 2)
      for (let round = 0; round < 10; round++) {
        client.send('t', 0, { sizeBytes: 900 })
        client.send('t', 1, { sizeBytes: 900, acks: 1 })
        client.steps(3)
      }
      client.settle()
    },
  },
  {
    name: 'appends at every step of a checkpoint',
    rules: [4, 5],
    run(client) {
      client.createTopic('t', 3)
      for (let round = 0; round < 60; round++) {
        client.send('t', Math.floor(round / 8) % 3, { acks: round % 4 === 0 ? 'all' : 1, sizeBytes: 900 })
        client.steps(2)
      }
      client.settle()
    },
  },
  {
    name: 'appends to a partial sector after a checkpoint',
    rules: [4, 6],
    run(client) {
      client.createTopic('t')
      for (let round = 0; round < 9; round++) client.put('t', 0, { sizeBytes: 1200 })
      client.put('t', 0)
      client.put('t', 0, { acks: 1 })
    },
  },
  {
    name: 'ring wraps several times',
    rules: [1, 4],
    run(client) {
      client.createTopic('t', 2)
      rounds(client, 20, 2)
    },
  },
  {
    name: 'one partition rests',
    rules: [4, 8],
    run(client) {
      client.createTopic('t', 2)
      client.put('t', 1, { producer: 'b', count: 2 })
      client.put('t', 1, { producer: 'b', acks: 1 })
      rounds(client, 12, 1)
    },
  },
  {
    name: 'ring grows',
    rules: [1],
    run(client) {
      client.createTopic('t')
      for (let round = 0; round < 24; round++) {
        client.send('t', 0, { sizeBytes: 3000 })
        if (round % 4 === 3) client.steps(2)
      }
      client.settle()
    },
  },
]

/** Each is small: what counts is that every row of the write-order table and every rule is in at least two of them. */
export const SCENARIOS: readonly Scenario[] = [...writeScenarios, ...lifeScenarios]
