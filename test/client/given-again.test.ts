// A member gives a partition up and is given it again: nothing that is left of the first time touches the second.
import * as assert from 'uvu/assert'
import type { GivenPartition } from '../../bindings/broker/consumer-session.ts'
import { Assignment } from '../../bindings/client/consumer/assignment.ts'
import type { Assignor } from '../../bindings/client/consumer/assignor.ts'
import { test } from './stores.ts'
import { take } from './support.ts'

const turn = () => new Promise((resolve) => setImmediate(resolve))

/** All of a topic of one partition to the member that joined last. */
const toTheNewest: Assignor = {
  name: 'newest',
  assign(members, counts) {
    const partitions = [...counts.keys()].map((topic) => ({ topic, partition: 0 }))
    return new Map([[members.at(-1)?.memberId ?? '', partitions]])
  },
}

// The abort took the first one back to before the record, and the fetch then told the log to forget the partition.
test('an abort of what was read before does not end the reading of what is given since', async (open) => {
  const log = await open()
  await log.admin.createTopic('t')
  const producer = log.producer()
  await producer.send({ topic: 't', value: 'first' })
  const options = { groupId: 'g', topics: ['t'], assignor: toTheNewest }
  const consumer = log.consumer(options)
  const [record] = await take(consumer, 1)
  const transaction = await log.producer({ transactionalId: 'id' }).beginTransaction()
  await transaction.sendOffsets(consumer, record!)
  const other = log.consumer(options)
  const joining = other.committed({ topic: 't', partition: 0 })
  while (consumer.assignment().length > 0) await turn()
  await joining
  await other.close()
  await log.admin.abortTransaction('id')
  const seen: number[] = []
  const reading = (async () => {
    for await (const { offset } of consumer) if (seen.push(offset) === 2) break
  })()
  while (seen.length === 0) await turn()
  for (let turns = 0; turns < 10; turns++) await turn()
  await transaction.abort().catch(() => {})
  for (let turns = 0; turns < 10; turns++) await turn()
  await producer.send({ topic: 't', value: 'second' })
  await reading
  assert.equal(seen, [0, 1])
  await log.close()
})

// Each time that it joined anew, its partitions of before stayed in memory.
test('of a member that never reads nothing is left of what it gave up', async () => {
  const assignment = new Assignment('g')
  const next = [0, 1].map((partition) => ({ topic: 't', partition, topicId: 'id' }))
  const topicIds = async () => new Map([['t', 'id']])
  const startsOf = async (added: readonly GivenPartition[]) => added.map((each) => ({ ...each, nextOffset: 0 }))
  for (let joins = 0; joins < 3; joins++) {
    await assignment.change({ next, isFirst: true, topicIds, startsOf })
    assert.is(assignment.unasked.length, 2)
    await assignment.lose(() => true)
  }
  assert.is(assignment.unasked.length, 0)
})

test.run()
