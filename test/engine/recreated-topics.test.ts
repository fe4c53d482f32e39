// A topic is created again under its name while files of the old one are still being removed, or still being made.
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { openHeld, openLog } from '../../bindings/entry/embedded/embedded-log.ts'
import { LogError } from '../../bindings/entry/node.ts'
import type { FileStore } from '../../bindings/storage/file-store.ts'
import { FakePort, settle } from '../client/fake-port.ts'
import { gate } from '../client/support.ts'
import { DirectoryImage } from '../damage/directory-image.ts'

/** What it does next in one place waits until it is let. */
function slowAt(image: DirectoryImage, place: { remove?: string; syncDirectory?: string }) {
  const gone = gate()
  let isLate = false
  const held = () => {
    isLate = false
    return gone.opened
  }
  const store: FileStore = {
    capabilities: image.capabilities,
    open: (path, options) => image.open(path, options),
    list: (directory) => image.list(directory),
    rename: (from, to) => image.rename(from, to),
    async remove(path) {
      if (isLate && path === place.remove) await held()
      image.remove(path)
    },
    async syncDirectory(directory) {
      if (isLate && directory === place.syncDirectory) await held()
    },
    lock: () => image.lock(),
    close: () => image.close(),
  }
  const late = () => {
    isLate = true
  }
  return { store, late, go: () => gone.open() }
}

async function valuesOf(image: DirectoryImage): Promise<string[]> {
  const log = await openLog(image, new FakePort())
  assert.equal(log.recovery.damage, [])
  assert.equal(await log.verify(), [])
  const values: string[] = []
  for await (const { value } of log.read('t', { until: 'end' })) values.push(Buffer.from(value ?? []).toString())
  await log.close()
  return values
}

/**
 * The topic is made again and sent to while the disk is `slow`; then all that is under way ends, and the log is closed.
 */
async function madeAgain(
  log: Awaited<ReturnType<typeof openLog>>,
  slow: ReturnType<typeof slowAt>,
  underWay: readonly Promise<unknown>[],
): Promise<void> {
  await log.admin.createTopic('t')
  const sent = log.producer().send({ topic: 't', value: 'new' })
  await settle()
  slow.go()
  await Promise.all([...underWay, sent])
  await log.close()
}

test('the removal of the old topic’s files removes none of the new topic’s', async () => {
  const image = new DirectoryImage()
  const slow = slowAt(image, { remove: 't-0/00000000000000000000.log' })
  const log = await openLog(slow.store, new FakePort())
  await log.admin.createTopic('t')
  await log.producer().send({ topic: 't', value: 'old' })
  slow.late()
  const deleted = log.admin.deleteTopic('t')
  await settle()
  await madeAgain(log, slow, [deleted])
  assert.equal(await valuesOf(image), ['new'])
})

/** What is deferred at one moment runs in any order. */
class ShufflingPort extends FakePort {
  #deferred: (() => void)[] = []

  override defer(callback: () => void): void {
    this.#deferred.push(callback)
    if (this.#deferred.length > 1) return
    setImmediate(() => {
      for (const each of this.#deferred.splice(0).sort(() => this.random() - 0.5)) each()
    })
  }
}

test('three of one name, of which the second was deleted while it waited for the files of the first: none waits for ever', async () => {
  for (let seed = 1; seed <= 20; seed++) {
    const image = new DirectoryImage()
    const slow = slowAt(image, { remove: 't-0/00000000000000000000.log' })
    const log = await openLog(slow.store, new ShufflingPort(seed))
    await log.admin.createTopic('t')
    await log.producer().send({ topic: 't', value: 'first' })
    slow.late()
    const underWay: Promise<unknown>[] = [log.admin.deleteTopic('t')]
    await settle()
    await log.admin.createTopic('t')
    underWay.push(
      log
        .producer()
        .send({ topic: 't', value: 'second' })
        .catch(() => {}),
    )
    await settle()
    underWay.push(log.admin.deleteTopic('t'))
    await settle()
    await log.admin.createTopic('t')
    underWay.push(log.producer().send({ topic: 't', value: 'third' }))
    await settle()
    slow.go()
    let isDone = false
    const all = Promise.all(underWay).then(() => {
      isDone = true
    })
    for (let turns = 0; turns < 100 && !isDone; turns++) await settle()
    assert.ok(isDone, `seed ${seed}`)
    await all
    await log.close()
    assert.equal(await valuesOf(image), ['third'])
  }
})

test('files that were about to be made for the old topic aren’t left to the new one', async () => {
  const image = new DirectoryImage()
  const slow = slowAt(image, { syncDirectory: 't-0' })
  const log = await openLog(slow.store, new FakePort())
  await log.admin.createTopic('t')
  slow.late()
  const first = log.producer().send({ topic: 't', value: 'old' })
  const refused = first.then(
    () => assert.unreachable('its topic was deleted'),
    (error: unknown) => assert.ok(LogError.is(error, 'UNKNOWN_TOPIC_OR_PARTITION'), String(error)),
  )
  await settle()
  const deleted = log.admin.deleteTopic('t')
  await settle()
  await madeAgain(log, slow, [refused, deleted])
  assert.equal(await valuesOf(image), ['new'])
})

test('a partition that the topic of its name has no more is told as one of another topic', async () => {
  const { broker } = await openHeld(new DirectoryImage(), new FakePort(), {})
  const reader = broker.openReader()
  const codes = async (topicId?: string) => {
    const positions = [0, 1].map((partition) => ({ topic: 't', topicId, partition, nextOffset: 0 }))
    const parts = await reader.fetch({ positions, isolationLevel: 'read_committed', maxBytes: 1, wait: false })
    return parts.map(({ error }) => (LogError.is(error) ? error.code : error))
  }
  await broker.admin.createTopic('t', { partitions: 2, config: {} })
  const { topicId } = await reader.topic('t')
  assert.equal(await codes(topicId), [undefined, undefined])
  await broker.admin.deleteTopic('t')
  assert.equal(await codes(topicId), ['UNKNOWN_TOPIC_OR_PARTITION', 'UNKNOWN_TOPIC_OR_PARTITION'])
  await broker.admin.createTopic('t', { partitions: 1, config: {} })
  assert.equal(await codes(topicId), ['UNKNOWN_TOPIC_ID', 'UNKNOWN_TOPIC_ID'])
  assert.equal(await codes(), [undefined, 'UNKNOWN_TOPIC_OR_PARTITION'])
  await broker.close()
})

test.run()
