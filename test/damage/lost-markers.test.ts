// The end of a partition is gone, and with it the markers of its last transactions and the index of the aborted ones:
// what an older copy of its directory does too. Committed readers get nothing that was aborted.
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { openLog } from '../../bindings/entry/embedded/embedded-log.ts'
import { nodePort } from '../../bindings/entry/embedded/node-port.ts'
import { LogError } from '../../bindings/entry/node.ts'
import { DirectoryImage } from './directory-image.ts'

const SEGMENT = 't-0/00000000000000000003'

async function closed(): Promise<DirectoryImage> {
  const image = new DirectoryImage()
  const log = await openLog(image, nodePort)
  await log.admin.createTopic('t', { config: { 'segment.bytes': 1300 } })
  const producer = log.producer({ transactionalId: 'id' })
  for (const end of ['commit', 'abort'] as const) {
    const transaction = await producer.beginTransaction()
    await transaction.send({ topic: 't', value: end.padEnd(1200) })
    await transaction[end]()
  }
  await log.close()
  return image
}

test('a transaction whose abort marker is gone with its index is shown to no committed reader', async () => {
  const image = await closed()
  assert.ok(image.paths.includes(`${SEGMENT}.txnindex`), image.paths.join())
  image.open(`${SEGMENT}.log`, { create: false })?.truncate(0)
  image.remove(`${SEGMENT}.txnindex`)
  const log = await openLog(image, nodePort)
  const values: string[] = []
  try {
    for await (const { value } of log.read('t', { until: 'end' }))
      values.push(
        Buffer.from(value ?? [])
          .toString()
          .trim(),
      )
    assert.unreachable('it was read')
  } catch (error) {
    assert.ok(LogError.is(error, 'CORRUPT_MESSAGE'), String(error))
    assert.is(error.details['file'], `${SEGMENT}.log`)
  }
  assert.not(values.includes('abort'), 'an aborted record was shown')
  await log.close()
})

test.run()
