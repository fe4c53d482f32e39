// What does a broker guarantee (delivery, ordering, persistence, acknowledgement), and how does each show here?
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { afterCrash, example, fresh, plain, values } from './support.ts'

test('the example: acknowledged before the crash, found in order after it', () => {
  assert.is(
    example('1-what-a-broker-guarantees'),
    `acknowledged 0 1 2
sender ended by SIGKILL
found 0 a
found 1 b
found 2 c
the next one is 3
`,
  )
})

test("acknowledgement: 'all' is answered by the disk, and what it covers is there after a power cut, with all before it", () => {
  const host = fresh()
  const producerId = host.openProducer()
  // The first one opens the partition as well.
  plain(host, producerId, 0, 'first', 'all')
  const sent = host.send({
    ...{ topic: 't', partition: 0, producerId, producerEpoch: 0, baseSequence: 1 },
    ...{ values: ['a'], acks: 'all' as const },
  })
  assert.is(sent.answered, false, 'not before its flush')
  assert.equal(values(host), ['first'], 'nor visible')
  host.settle()
  assert.ok(sent.answered)
  plain(host, producerId, 2, 'b', 1)
  plain(host, producerId, 3, 'c', 'all')
  assert.equal(values(afterCrash(host, 'none')), ['first', 'a', 'b', 'c'])
})

test('order: an offset that a reader may have seen is never given to another record', () => {
  const host = fresh()
  const producerId = host.openProducer()
  plain(host, producerId, 0, 'kept', 'all')
  const seen = plain(host, producerId, 1, 'shown, and lost with the power', 1)
  assert.is(values(host).length, 2)
  const later = afterCrash(host, 'none')
  const next = plain(later, later.openProducer(), 0, 'another', 'all')
  assert.ok(next > seen, `${next} after ${seen}`)
})

test.run()
