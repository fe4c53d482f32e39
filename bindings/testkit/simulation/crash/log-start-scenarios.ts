import type { Client } from './client.ts'
import type { Scenario } from './exploration.ts'

/** Decides where segments end. With 3000 a log that removes a segment too early would pass at every crash. */
const BATCH_BYTES = 3500
/** Longer than the check interval and all its steps. */
const CHECK_MS = 400_000

function fill(client: Client, count: number, partitions: number): void {
  for (let round = 0; round < count; round++) {
    for (let partition = 0; partition < partitions; partition++) {
      client.send('t', partition, { sizeBytes: BATCH_BYTES, acks: (round + partition) % 4 === 3 ? 1 : 'all' })
    }
    client.settle()
  }
}

/** Log starts that move while clients write: decided, removed from the disk, crashed at any step. */
export const LOG_START_SCENARIOS: readonly Scenario[] = [
  {
    name: 'records deleted over several segments',
    rules: [7, 11],
    run(client) {
      client.createTopic('t', 2)
      fill(client, 8, 2)
      client.deleteRecords('t', 0, 5)
      client.passTime(1000)
      client.put('t', 0, { producer: 'b' })
      client.deleteRecords('t', 0, 7)
      client.deleteRecords('t', 1, 8)
      client.passTime(CHECK_MS)
      client.put('t', 1, { producer: 'b' })
      client.fetch('t', 0)
      client.fetch('t', 1)
    },
  },
  {
    name: 'retention by size in several partitions',
    rules: [4, 11],
    run(client) {
      client.createTopic('t', 3)
      client.keepBytes('t', 2 * BATCH_BYTES)
      fill(client, 5, 3)
      client.passTime(CHECK_MS)
      fill(client, 3, 2)
      client.passTime(CHECK_MS)
      for (let partition = 0; partition < 3; partition++) client.fetch('t', partition)
    },
  },
]
