// A killed log had a transaction open in a partition whose file is damaged: it is aborted in the others, and the log
// opens.
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { openLog } from '../../bindings/entry/embedded/embedded-log.ts'
import { nodePort } from '../../bindings/entry/embedded/node-port.ts'
import { type EmbeddedLog, LogError } from '../../bindings/entry/node.ts'
import { DirectoryImage } from './directory-image.ts'

const SEGMENT = 't-0/00000000000000000000.log'
/** Of the first batch's leader epoch, which no batch's CRC covers. */
const EPOCH_AT = 15

async function killed(): Promise<DirectoryImage> {
  const image = new DirectoryImage()
  const first = await openLog(image, nodePort)
  for (const topic of ['t', 'u']) {
    await first.admin.createTopic(topic)
    // The checkpoint has the last sector too.
    for (const value of ['a', 'b']) await first.producer().send({ topic, value: value.padEnd(600) })
  }
  await first.close()
  const log = await openLog(image, nodePort)
  const transaction = await log.producer({ transactionalId: 'id' }).beginTransaction()
  for (const topic of ['t', 'u']) await transaction.send({ topic, value: 'undecided' })
  const left = image.fork()
  await log.close()
  return left
}

async function values(log: EmbeddedLog, topic: string): Promise<string[]> {
  const found: string[] = []
  for await (const { value } of log.read(topic, { until: 'end' }))
    found.push(
      Buffer.from(value ?? [])
        .toString()
        .trim(),
    )
  return found
}

for (const [what, harm] of Object.entries({
  'a damaged batch': (image: DirectoryImage) => image.files.get(SEGMENT)?.write(Uint8Array.of(7), EPOCH_AT),
  'no file': (image: DirectoryImage) => image.remove(SEGMENT),
})) {
  test(`${what} of one partition keeps nobody from the others`, async () => {
    const image = await killed()
    harm(image)
    const log = await openLog(image, nodePort)
    await log.producer().send({ topic: 'u', value: 'c' })
    assert.equal(await values(log, 'u'), ['a', 'b', 'c'])
    try {
      await values(log, 't')
      assert.unreachable('it was read')
    } catch (error) {
      assert.ok(LogError.is(error) && error.category === 'corruption', String(error))
    }
    await log.close()
  })
}

test.run()
