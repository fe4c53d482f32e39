// One of the log's own tables is damaged: what would write to it is refused by name, and whatever doesn't need it goes
// on.
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { openLog } from '../../bindings/entry/embedded/embedded-log.ts'
import { nodePort } from '../../bindings/entry/embedded/node-port.ts'
import { type EmbeddedLog, LogError } from '../../bindings/entry/node.ts'
import { FRAME_ALIGNMENT, ringFile } from '../../bindings/log/journal/layout.ts'
import { newKernel } from '../kernel/support.ts'
import { writtenOut } from '../salvage/fixture.ts'
import { DirectoryImage } from './directory-image.ts'
import type { ImageFile } from './image-file.ts'
import { StillPort } from './still-port.ts'

const place = [{ topic: 't', partition: 0, nextOffset: 0 }]

/** Writes to one table alone. */
const LAST: Readonly<Record<string, (log: EmbeddedLog) => Promise<unknown>>> = {
  __consumer_offsets: (log) => log.admin.setOffsets('g', place),
  __share_group_state: (log) => log.admin.resetShareGroup('s', 'latest', { topics: ['t'] }),
  __transaction_state: (log) => log.producer({ transactionalId: 'x' }).beginTransaction(),
}

/**
 * A killed log whose last frame a device lost: the decision that it held stands in its table without it (durability
 * rule 3).
 */
async function damaged(table: string): Promise<DirectoryImage> {
  const image = new DirectoryImage()
  const log = await openLog(image, nodePort)
  await log.admin.createTopic('t')
  await log.producer().send({ topic: 't', value: 'a' })
  await LAST[table]?.(log)
  await writtenOut()
  const left = image.fork()
  await log.close()
  const ring = left.files.get(ringFile(0)) as ImageFile
  const bytes = ring.bytes()
  let at = bytes.length - FRAME_ALIGNMENT
  while (bytes[at] === 0) at -= FRAME_ALIGNMENT
  ring.write(new Uint8Array(FRAME_ALIGNMENT), at)
  return left
}

async function outcome(run: () => Promise<unknown>): Promise<string> {
  try {
    await run()
    return 'done'
  } catch (error) {
    return LogError.is(error) ? error.code : String(error)
  }
}

async function firstOffset(records: AsyncIterable<{ readonly offset: number }>): Promise<number> {
  for await (const { offset } of records) return offset
  throw new Error('nothing came')
}

const consume = (log: EmbeddedLog) => firstOffset(log.consumer({ groupId: 'new', topics: ['t'] }))
const share = (log: EmbeddedLog) => firstOffset(log.shareConsumer({ groupId: 'new', topics: ['t'] }))
const transact = (log: EmbeddedLog) =>
  log.producer({ transactionalId: 'y' }).transaction((transaction) => transaction.send({ topic: 't', value: 'c' }))
const CALLS: Readonly<Record<string, (log: EmbeddedLog) => Promise<unknown>>> = {
  send: (log) => log.producer().send({ topic: 't', value: 'd' }),
  consume,
  setOffsets: (log) => log.admin.setOffsets('h', place),
  share,
  transact,
  'transact again': transact,
  createTopic: (log) => log.admin.createTopic('u'),
  deleteTopic: (log) => log.admin.deleteTopic('t'),
  'createTopic again': (log) => log.admin.createTopic('v'),
}

const REFUSED: Readonly<Record<string, readonly string[]>> = {
  __consumer_offsets: ['consume', 'setOffsets', 'deleteTopic'],
  __share_group_state: ['share', 'deleteTopic'],
  __transaction_state: ['transact', 'transact again'],
}

for (const [table, refused] of Object.entries(REFUSED)) {
  test(`${table}: its own calls are refused, the others go on`, async () => {
    const log = await openLog(await damaged(table), nodePort)
    assert.equal(
      log.recovery.readOnly.map(({ topic }) => topic),
      [table],
    )
    for (const [name, call] of Object.entries(CALLS)) {
      assert.is(await outcome(() => call(log)), refused.includes(name) ? 'LOG_READ_ONLY' : 'done', name)
    }
    assert.equal(await log.admin.listTopics(), refused.includes('deleteTopic') ? ['t', 'u', 'v'] : ['u', 'v'])
    await log.close()
  })
}

// Found by harming two files at a time: what the open was refused with named the partition and no file.
test("a table whose segment is another table's refuses the open with the file and the position", async () => {
  const image = new DirectoryImage()
  const log = await openLog(image, new StillPort())
  await log.admin.createTopic('t')
  for (const name of ['a', 'b', 'c']) await log.admin.setOffsets(name.repeat(100), place)
  await log.producer({ transactionalId: 'x' }).beginTransaction()
  await log.close()
  const [offsets, transactions] = ['__consumer_offsets', '__transaction_state'].map(
    (table) => `${table}-0/00000000000000000000.log`,
  ) as [string, string]
  const other = image.files.get(transactions) as ImageFile
  image.files.set(offsets, other.fork())
  const refused = await openLog(image, new StillPort()).catch((error: unknown) => error)
  assert.ok(LogError.is(refused, 'CORRUPT_MESSAGE'), String(refused))
  assert.equal([refused.details['file'], refused.details['position']], [offsets, 0])
})

/** The batch that holds `text` says something else there, and is whole. Answers where it begins. */
function rewritten(file: ImageFile, text: string, put: number): number {
  const bytes = file.bytes()
  const at = Buffer.from(bytes).indexOf(text)
  bytes[at] = put
  const view = new DataView(bytes.buffer)
  let begin = 0
  while (begin + view.getUint32(begin + 8) + 12 <= at) begin += view.getUint32(begin + 8) + 12
  view.setUint32(begin + 17, newKernel().crc32cOf(bytes.subarray(begin + 21, begin + 12 + view.getUint32(begin + 8))))
  file.write(bytes, 0)
  return begin
}

/** Many make a segment of which the checkpoint notes the first batch alone (decision 034). */
const longNames = Array.from({ length: 20 }, (_, index) => `${index}-${'x'.repeat(15_000)}`)

const WRITES: Readonly<Record<string, (log: EmbeddedLog, name: string) => Promise<unknown>>> = {
  __consumer_offsets: (log, name) => log.admin.setOffsets(name, place),
  __share_group_state: (log, name) => log.admin.resetShareGroup(name, 'latest', { topics: ['t'] }),
  __transaction_state: (log, name) => log.producer({ transactionalId: name }).beginTransaction(),
}

for (const [table, write] of Object.entries(WRITES)) {
  test(`${table}: a record that makes no sense in a whole batch refuses the open with the file and the position`, async () => {
    const image = new DirectoryImage()
    const log = await openLog(image, new StillPort())
    await log.admin.createTopic('t')
    for (const name of [...longNames, 'last']) await write(log, name)
    await log.close()
    const file = `${table}-0/00000000000000000000.log`
    const segment = image.files.get(file) as ImageFile
    const position = rewritten(segment, 'last', 0xff)
    assert.ok(position > 256 * 1024, `${position}`)
    const refused = await openLog(image, new StillPort()).catch((error: unknown) => error)
    assert.ok(LogError.is(refused, 'CORRUPT_LOG'), String(refused))
    assert.equal([refused.details['file'], refused.details['position']], [file, position])
    assert.ok(refused.message.endsWith(`(${file} at ${position})`), refused.message)
  })
}

test.run()
