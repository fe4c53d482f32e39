// What lets a producer send exactly once?
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { TransactionalClient } from '../../bindings/testkit/simulation/transactional-client.ts'
import { refuses } from '../log/catalogue/fixtures.ts'
import { afterCrash, example, fresh, plain, values } from './support.ts'

test('the example: two hundred sends, the holder killed among them, each once', () => {
  assert.is(
    example('4-sending-exactly-once'),
    `this process is attached
200 acknowledged, this process is holder
200 found, 200 different, in order: true
`,
  )
})

test('sequence numbers: a retry is answered as the original was, before and after a crash; a gap is refused', () => {
  const host = fresh()
  const producerId = host.openProducer()
  for (const [sequence, value] of ['a', 'b', 'c'].entries()) plain(host, producerId, sequence, value, 'all')
  for (const each of [host, afterCrash(host, 'none')]) {
    assert.is(plain(each, producerId, 1, 'b', 'all'), 1)
    refuses('OUT_OF_ORDER_SEQUENCE_NUMBER', () => plain(each, producerId, 4, 'e', 'all'))
    assert.equal(values(each), ['a', 'b', 'c'])
    assert.is(plain(each, producerId, 3, 'd', 'all'), 3)
  }
})

test('over restarts of the sender: its transactional id ends the older instance, and what that left open', () => {
  const host = fresh()
  const older = new TransactionalClient(host, 'id').init().begin()
  older.send('t', 0, 'half')
  const newer = new TransactionalClient(host, 'id').init().begin()
  newer.send('t', 0, 'whole')
  refuses('PRODUCER_FENCED', () => older.end('commit'))
  newer.end('commit')
  assert.equal(values(host), ['whole'])
})

test.run()
