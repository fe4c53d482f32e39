import { WRITE_BUFFER_SIZES } from '../../../log/segment/write-buffers.ts'
import type { Client } from './client.ts'
import type { Scenario } from './exploration.ts'

/** The batch of one such value, without a key, is as large as a batch that waits may be. */
const LARGEST_VALUE = WRITE_BUFFER_SIZES.batchBytes - 72

/** The sizes of values in turn: two that fill a piece, one that is too large to wait, small ones around them. */
const SIZES = [LARGEST_VALUE, LARGEST_VALUE, 300, 12_000, LARGEST_VALUE + 1, 20, 9000, 9000, 15_000]

function sendInTurn(client: Client, count: number, partitions: number): void {
  for (let index = 0; index < count; index++) {
    client.send('t', index % partitions, { sizeBytes: SIZES[index % SIZES.length] })
    if (index % 7 === 6) client.steps(3)
  }
}

/** For the engine in full sizes: batches that wait are as large as they may be, and fill pieces. */
export const FULL_SIZE_SCENARIOS: readonly Scenario[] = [
  {
    name: 'pieces that fill, beside batches too large to wait',
    rules: [2],
    run(client) {
      client.createTopic('t', 2)
      sendInTurn(client, 14, 2)
      client.settle()
      client.fetch('t', 0)
    },
  },
  {
    name: 'more partitions than may have something that waits',
    rules: [2],
    run(client) {
      client.createTopic('t', 10)
      for (let round = 0; round < 2; round++) {
        for (let partition = 0; partition < 10; partition++) client.send('t', partition, { sizeBytes: 11_000 })
        client.steps(4)
      }
      client.settle()
    },
  },
  {
    name: 'both acks behind one another, over rolls and a checkpoint',
    rules: [2, 4, 5],
    run(client) {
      client.createTopic('t', 2)
      for (let round = 0; round < 22; round++) {
        const sizeBytes = SIZES[round % SIZES.length]
        client.send('t', 0, { sizeBytes })
        client.send('t', round % 2, { sizeBytes: 5000, acks: round % 3 === 0 ? 1 : 'all' })
        client.steps(1 + (round % 4))
      }
      client.settle()
      client.fetch('t', 0)
    },
  },
  {
    name: 'a disk that is full while pieces wait in many segments',
    rules: [2, 10],
    failsDisk: true,
    run(client) {
      client.createTopic('t', 9)
      for (let partition = 0; partition < 9; partition++) client.put('t', partition)
      const { storage } = client.world
      for (let round = 0; round < 3; round++)
        for (let partition = 0; partition < 9; partition++) client.send('t', partition, { sizeBytes: 14_000 })
      storage.freeBytes = 700
      client.settle()
      storage.freeBytes = Number.POSITIVE_INFINITY
      client.put('t', 0, { producer: 'b' })
      client.fetch('t', 0)
    },
  },
]
