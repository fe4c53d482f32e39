// Two parts of rule 10, each alone: the reserve lets a full disk finish what must be finished, and the fence ends an
// opening beside which the directory was opened again, whatever became of its lock.
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { openLog } from '../../../bindings/entry/embedded/embedded-log.ts'
import { type EmbeddedLog, LogError } from '../../../bindings/entry/node.ts'
import { RESERVE_FILE } from '../../../bindings/log/journal/layout.ts'
import { Random } from '../../../bindings/testkit/simulation/random.ts'
import { RING_FILE_BYTES, SyncHost } from '../../../bindings/testkit/simulation/sync-host.ts'
import { VirtualDisk } from '../../../bindings/testkit/simulation/virtual-disk.ts'
import { DirectoryImage } from '../../damage/directory-image.ts'
import { StillPort } from '../../damage/still-port.ts'

const TOPIC = 't'

class FullDisk {
  readonly host: SyncHost<VirtualDisk>
  #baseSequence = 0
  #producerId = 0

  constructor(disk: VirtualDisk = new VirtualDisk()) {
    this.host = new SyncHost(disk)
    this.host.open()
  }

  write(count: number): void {
    this.host.createTopic('AAAAAAAAAAAAAAAAAAAAAg', TOPIC, 1, {})
    this.#producerId = this.host.openProducer()
    for (let index = 0; index < count; index++) assert.is(this.send(`${index}`), undefined)
  }

  /** The code of what it is refused with. */
  send(value: string): string | undefined {
    const request = { topic: TOPIC, partition: 0, producerId: this.#producerId, producerEpoch: 0, acks: 'all' as const }
    const asked = this.host.send({ ...request, baseSequence: this.#baseSequence, values: [value.padEnd(500, ' ')] })
    this.host.settle()
    assert.ok(asked.answered)
    if (asked.error === undefined) this.#baseSequence++
    return (asked.error as LogError | undefined)?.code
  }

  get values(): string[] {
    return this.host.fetchAll(TOPIC, 0).map(({ value }) => value.trim())
  }

  get reserveBytes(): number {
    const file = this.host.storage.open(RESERVE_FILE, { create: false })
    const sizeBytes = file?.size() ?? 0
    file?.close()
    return sizeBytes
  }
}

const upTo = (count: number) => Array.from({ length: count }, (_, index) => `${index}`)

test('a full disk refuses records and keeps its reserve; a delete is decided out of it', () => {
  const full = new FullDisk()
  full.write(10)
  const reserveBytes = full.reserveBytes
  assert.ok(reserveBytes > 0)
  full.host.storage.freeBytes = 0
  let count = 10
  // Those that got their place before the disk was known to be full are written out of the share for them.
  while (full.send(`${count}`) === undefined) count++
  const heldBytes = full.reserveBytes
  for (let attempt = 0; attempt < 3; attempt++) assert.is(full.send('no room'), 'STORAGE_FULL')
  assert.is(full.reserveBytes, heldBytes, 'records are not what it is for')
  assert.ok(heldBytes >= 2 * RING_FILE_BYTES, `${heldBytes} of ${reserveBytes} bytes`)
  assert.equal(full.values, upTo(count))
  full.host.ask<void>((done) => ({ kind: 'deleteTopic', name: TOPIC, done }))
  full.host.settle()
  assert.ok(full.reserveBytes < heldBytes, 'it was given up')
  assert.throws(() => full.values, /there is no topic/)
})

test('a full disk opens after a kill: replay, restated bytes and the checkpoint have their room', () => {
  for (const acknowledged of [1, 10, 40]) {
    const before = new FullDisk()
    before.write(acknowledged)
    const disk = before.host.storage.image(new Random(acknowledged), 'kill')
    disk.freeBytes = 0
    const after = new FullDisk(disk)
    assert.equal(after.values, upTo(acknowledged), `${acknowledged} records`)
    assert.equal(after.host.storage.refusedWrites > 0, true, 'the disk was full')
    after.host.ask<void>((done) => ({ kind: 'deleteTopic', name: TOPIC, done }))
    after.host.close()
    // With room again the reserve is filled again.
    const mended = disk.image(new Random(1), 'kill')
    mended.freeBytes = Number.POSITIVE_INFINITY
    assert.is(new FullDisk(mended).reserveBytes, before.reserveBytes)
  }
})

async function values(log: EmbeddedLog): Promise<string[]> {
  const all: string[] = []
  for await (const { value } of log.read(TOPIC, { until: 'end' })) all.push(Buffer.from(value ?? []).toString())
  return all
}

test('an opening that lost its lock and was overtaken ends at its next checkpoint, and changes nothing any more', async () => {
  // Its lock keeps nobody out, as on a file system that lies about flock.
  const image = new DirectoryImage()
  const old = await openLog(image, new StillPort(1))
  await old.admin.createTopic(TOPIC)
  const producer = old.producer()
  await producer.send({ topic: TOPIC, value: 'old' })
  const young = await openLog(image, new StillPort(2))
  assert.not.ok(young.recovery.clean)
  const younger = young.producer()
  await younger.send({ topic: TOPIC, value: 'young' })
  const error = await old.close().then(
    () => undefined,
    (reason: unknown) => reason,
  )
  assert.ok(LogError.is(error, 'KAFKA_STORAGE_ERROR'), String(error))
  assert.match(String(error), /another process opened this log \(generation \d+\)/)
  await younger.send({ topic: TOPIC, value: 'younger' })
  assert.equal(await values(young), ['old', 'young', 'younger'])
  await young.close()
  const last = await openLog(image, new StillPort(3))
  assert.equal([last.recovery.clean, last.recovery.damage], [true, []])
  assert.equal(await values(last), ['old', 'young', 'younger'])
  await last.close()
})

test.run()
