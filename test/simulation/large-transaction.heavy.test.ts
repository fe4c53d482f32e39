// A transaction ten times as large as the journal, with offsets, crashed before each operation of the disk: whole or
// gone, and what was committed before it stays.
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import type { ImageMode } from '../../bindings/testkit/simulation/image.ts'
import { Random } from '../../bindings/testkit/simulation/random.ts'
import { RING_FILE_BYTES, SyncHost } from '../../bindings/testkit/simulation/sync-host.ts'
import { TransactionalClient } from '../../bindings/testkit/simulation/transactional-client.ts'
import { VirtualDisk } from '../../bindings/testkit/simulation/virtual-disk.ts'
import { beforeEachOperation } from './crash-everywhere.ts'
import { JudgedImages, knowledge } from './judged-images.ts'

const TOPIC_ID = 'AAAAAAAAAAAAAAAAAAAAAg'
const MODES: readonly ImageMode[] = ['kill', 'none', 'all', 'torn', 'mixed']
const PARTITIONS = 3
const VALUE = 'x'.repeat(4000)
/** The ring has two files. */
const RECORDS = Math.ceil((10 * 2 * RING_FILE_BYTES) / VALUE.length)

interface Told {
  /** The one record of the transaction before is acknowledged. */
  isFirstCommitted: boolean
  isAsked: boolean
  isCommitted: boolean
}

function live(disk: VirtualDisk, told: Told): void {
  const host = new SyncHost(disk)
  try {
    host.open()
    host.createTopic(TOPIC_ID, 't', PARTITIONS, {})
    const generation = host.join('g', 'm', ['t'])
    const client = new TransactionalClient(host, 'id').init().begin()
    client.send('t', 0, 'first')
    client.end('commit')
    told.isFirstCommitted = true
    client.begin()
    for (let index = 0; index < RECORDS; index++) {
      client.send('t', index % PARTITIONS, `${index}${VALUE}`)
      host.advance()
    }
    const offsets = [{ topicId: TOPIC_ID, partition: 0, nextOffset: 1 }]
    client.sendOffsets({ groupId: 'g', memberId: 'm', generation, offsets })
    told.isAsked = true
    client.end('commit')
    told.isCommitted = true
    host.close()
  } finally {
    host.discard()
  }
}

function judge(image: VirtualDisk, told: Told): string | undefined {
  const host = new SyncHost(image)
  try {
    const { damage } = host.open()
    if (damage.length > 0) return `damage in ${damage[0]?.file}`
    if (host.engine.catalogue.durable.liveById(TOPIC_ID) === undefined) {
      return told.isFirstCommitted ? 'the topic is gone' : undefined
    }
    const seen = [0, 1, 2].flatMap((partition) => host.fetchAll('t', partition).map(({ value }) => value))
    const isFirst = seen.includes('first')
    const large = seen.length - (isFirst ? 1 : 0)
    const committed = host.engine.groups.committed('g', TOPIC_ID, 0)?.nextOffset
    if (told.isFirstCommitted && !isFirst) return 'the transaction before is lost'
    if (large > 0 && large < RECORDS) return `torn: ${large} of ${RECORDS} records`
    if (large > 0 && !told.isAsked) return 'visible, and nobody asked for its commit'
    if (told.isCommitted && large === 0) return 'committed and lost'
    if ((committed === 1) !== large > 0) return `offsets and records are apart: ${committed}, ${large} records`
    return undefined
  } finally {
    host.discard()
  }
}

test('whatever the crash, all or nothing', () => {
  const disk = new VirtualDisk()
  const told: Told = { isFirstCommitted: false, isAsked: false, isCommitted: false }
  const judged = new JudgedImages()
  const crash = (operation: number): void => {
    for (const mode of MODES) {
      const image = disk.image(new Random(operation), mode)
      if (!judged.isNew(image, knowledge(told))) continue
      assert.is(judge(image, told), undefined, `operation ${operation}, image ${mode}`)
    }
  }
  beforeEachOperation(disk, crash, () => live(disk, told))
  assert.ok(told.isCommitted)
  const { images, duplicates } = judged
  assert.is(images, disk.operations * MODES.length)
  console.log(
    `COUNTED: ${disk.operations} crash points, ${images} images, ${duplicates} judged before; ${RECORDS} records`,
  )
})

test.run()
