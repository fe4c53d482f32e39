// How long are records kept, and what is lost in a failure of each kind?
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { SyncHost } from '../../bindings/testkit/simulation/drive.ts'
import { afterCrash, example, fresh, plain, values } from './support.ts'

test('the example: nothing is lost with the process, and a topic is gone when it is deleted', () => {
  assert.is(
    example('7-how-long-and-what-is-lost'),
    `recovered 0 damages
survives a power cut
survives kill -9
UNKNOWN_TOPIC_OR_PARTITION
`,
  )
})

test("kill -9 takes nothing that was acknowledged; a power cut takes what only 'acks: 1' stood behind", () => {
  const host = fresh()
  const producerId = host.openProducer()
  plain(host, producerId, 0, 'all', 'all')
  for (const sequence of [1, 2, 3]) plain(host, producerId, sequence, `one ${sequence}`, 1)
  assert.equal(values(afterCrash(host, 'kill')), ['all', 'one 1', 'one 2', 'one 3'])
  const left = values(afterCrash(host, 'none'))
  assert.is(left[0], 'all')
  assert.not.ok(left.includes('one 3'), left.join())
})

test('a flipped bit in what was stored is found, placed and told; what is whole is read', async () => {
  const host = fresh()
  const producerId = host.openProducer()
  for (const [sequence, value] of ['first', 'second'].entries()) plain(host, producerId, sequence, value, 'all')
  host.close()
  const disk = host.storage.reopened()
  const file = disk.open('t-0/00000000000000000000.log', { create: false })
  assert.ok(file !== undefined)
  const last = new Uint8Array(1)
  const at = file!.size() - 2
  file!.read(last, at)
  file!.write(Uint8Array.of((last[0] ?? 0) ^ 1), at)
  await file!.flush()
  file!.close()
  const later = new SyncHost(disk, undefined)
  later.open()
  let told: { code?: string; details?: Record<string, unknown> } = {}
  try {
    values(later)
  } catch (error) {
    told = error as typeof told
  }
  assert.is(told.code, 'CORRUPT_MESSAGE')
  assert.equal([told.details?.['topic'], told.details?.['partition'], told.details?.['offset']], ['t', 0, 1])
})

test.run()
