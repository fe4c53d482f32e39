// A rebalance's outcome waits to come into force, because the start of its partitions isn't known yet; at that moment
// the iteration that waits for it is given up, and the group asks its members to join again.
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { type Consumer, openMemory } from '../../bindings/entry/node.ts'
import { settle } from './fake-port.ts'

/** Of the microtask queue: more than it takes from the abort to what comes of it. */
const TURNS = 12
/** More than a rebalance takes. */
const SETTLED = 50

/** Gives the partition to the member that also reads the topic of this name. */
function chooses(chosen: { topic: string | undefined }) {
  return {
    name: 'chosen',
    assign: (members: readonly { memberId: string; topics: readonly string[] }[]) => {
      const owner = members.find(({ topics }) => chosen.topic !== undefined && topics.includes(chosen.topic))
      return new Map(owner === undefined ? [] : [[owner.memberId, [{ topic: 't', partition: 0 }]]])
    },
  }
}

async function readOn(consumer: Consumer): Promise<void> {
  for await (const _ of consumer) await settle()
}

/** What becomes of the partition. */
async function outcome(turns: number): Promise<string> {
  const log = await openMemory()
  for (const topic of ['t', 'a', 'b', 'c']) await log.admin.createTopic(topic)
  await log.producer().send([1, 2, 3].map((value) => ({ topic: 't', value: `${value}` })))
  const chosen: { topic: string | undefined } = { topic: undefined }
  const assignor = chooses(chosen)
  const member = (topic: string) => log.consumer({ groupId: 'g', topics: ['t', topic], assignor })
  // Until this transaction ends nobody knows where the partition begins.
  const before = log.consumer({ groupId: 'g', topics: ['t'] })
  await before.lag()
  const transaction = await log.producer({ transactionalId: 'id' }).beginTransaction()
  await transaction.sendOffsets(before, [{ topic: 't', partition: 0, nextOffset: 1 }], { allowSkip: true })
  await before.close()

  const [waiting, leaving, next] = [member('a'), member('b'), member('c')]
  let both = 0
  const look = () => {
    if (waiting.assignment().length > 0 && next.assignment().length > 0) both++
  }
  for (const each of [waiting, next]) each.on('assigned', look)
  await Promise.all([next.lag(), leaving.lag(), waiting.lag()])
  const abort = new AbortController()
  const given = waiting.batches({ signal: abort.signal })[Symbol.asyncIterator]().next()
  const rejected = given.then(
    () => assert.unreachable(),
    (error: unknown) => assert.is(error, abort.signal.reason),
  )
  chosen.topic = 'a'
  await log.admin.createPartitions('a', 2)
  await settle()

  chosen.topic = 'c'
  const left = leaving.close()
  for (let turn = 0; turn < turns; turn++) await Promise.resolve()
  abort.abort(new Error('given up'))
  await rejected
  const again = readOn(waiting)
  await transaction.commit()
  await left
  const isMoved = () => next.assignment().some(({ topic }) => topic === 't')
  for (let turn = 0; turn < SETTLED && !isMoved(); turn++) await settle()
  const told = `${isMoved() ? 'moved' : 'nobody has it'}, ${both} times with both`
  await log.close()
  await again
  return told
}

// Regression: the group counted a partition as the waiting member's, which didn't take it: nobody read it until the
// next member came or went.
test('whichever comes first, exactly one member has the partition', async () => {
  for (let turns = 0; turns <= TURNS; turns++) {
    assert.is(await outcome(turns), 'moved, 0 times with both', `${turns} turns between the close and the abort`)
  }
})

test.run()
