import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import {
  LEADER_EPOCH_CHECKPOINT,
  parseSegmentFileName,
  segmentFileName,
} from '../../../bindings/log/files/file-names.ts'
import { parseLeaderEpochs } from '../../../bindings/log/files/leader-epoch-checkpoint.ts'
import { decodeProducerSnapshot } from '../../../bindings/log/files/producer-snapshot.ts'
import { OFFSET_ENTRY_BYTES, TIME_ENTRY_BYTES } from '../../../bindings/log/segment/index-file.ts'
import { verifyDirectory } from '../../../bindings/log/verify/verify-directory.ts'
import { LogError } from '../../../bindings/model/errors.ts'
import type { TopicConfig } from '../../../bindings/model/topic-config.ts'
import type { StoredProducer } from '../../../bindings/storage/stored-state.ts'
import { DiskFaults } from '../../../bindings/testkit/simulation/faults.ts'
import { Random as ImageRandom } from '../../../bindings/testkit/simulation/random.ts'
import { SyncHost } from '../../../bindings/testkit/simulation/sync-host.ts'
import { VirtualDisk } from '../../../bindings/testkit/simulation/virtual-disk.ts'
import { newKernel } from '../../kernel/support.ts'
import { content, overwrite } from '../segment/model.ts'
import { runNow } from '../support.ts'

const derived = suite('derived files')
const kernel = newKernel()
const TOPIC = 'orders'
const DIRECTORY = 'orders-0'
const config = { 'segment.bytes': 400 }
/** Every batch but a segment's first has an entry. */
const INDEXED = { ...config, 'index.interval.bytes': 0 }

/** A log with one partition and two producers that take turns; what is looked at is what a close or a crash leaves. */
class Story {
  readonly sent: { readonly producerId: number; readonly sequence: number }[] = []
  readonly #sequences = new Map<number, number>()
  #host: SyncHost<VirtualDisk>
  #producers: readonly number[]

  constructor(settings: TopicConfig = config) {
    this.#host = new SyncHost(new VirtualDisk())
    this.#host.open()
    this.#host.createTopic('AAAAAAAAAAAAAAAAAAAAAg', TOPIC, 1, settings)
    this.#producers = [this.#host.openProducer(), this.#host.openProducer()]
  }

  reopen(disk: VirtualDisk): void {
    this.#host = new SyncHost(disk)
    this.#host.open()
    this.#producers = [this.#host.openProducer(), this.#host.openProducer()]
  }

  close(): VirtualDisk {
    this.#host.close()
    return this.crash('none')
  }

  crash(mode: 'none' | 'kill'): VirtualDisk {
    return this.#host.storage.image(new ImageRandom(1), mode)
  }

  get isClean(): boolean {
    return this.#host.engine.report?.clean === true
  }

  get records(): number {
    return this.#host.fetchAll(TOPIC, 0).length
  }

  /** By producers that an open has just given. */
  sendAnew(count: number): void {
    this.#sequences.clear()
    this.send(count)
  }

  send(count: number): void {
    for (let index = 0; index < count; index++) {
      const producerId = this.#producers[this.sent.length % 2] ?? 0
      const baseSequence = this.#sequences.get(producerId) ?? 0
      this.#sequences.set(producerId, baseSequence + 1)
      const request = { topic: TOPIC, partition: 0, producerId, producerEpoch: 0, baseSequence, acks: 'all' as const }
      const asked = this.#host.send({ ...request, values: ['x'.repeat(40)] })
      this.#host.settle()
      assert.is(asked.error, undefined)
      this.sent.push({ producerId, sequence: baseSequence })
    }
  }

  /** A batch for which a segment is begun, and for which there is no room in it. */
  sendWithoutRoom(): void {
    const [producerId = 0] = this.#producers
    const baseSequence = this.#sequences.get(producerId) ?? 0
    this.#host.storage.faults = new DiskFaults([{ kind: 'write', effect: 'full', at: 1, path: DIRECTORY }])
    const request = { topic: TOPIC, partition: 0, producerId, producerEpoch: 0, baseSequence, acks: 1 as const }
    const asked = this.#host.send({ ...request, values: ['x'.repeat(300)] })
    this.#host.settle()
    assert.ok(LogError.is(asked.error, 'STORAGE_FULL'), String(asked.error))
    this.#host.storage.faults = undefined
  }

  /** Of each producer the last batch below `offset`, as a snapshot holds it. */
  producersBelow(offset: number): readonly object[] {
    const last = new Map<number, object>()
    for (const [at, { producerId, sequence }] of this.sent.slice(0, offset).entries()) {
      last.set(producerId, { firstSequence: sequence, lastSequence: sequence, baseOffset: at, lastOffset: at })
    }
    return [...last].map(([producerId, batch]) => ({ producerId, batch })).sort(byProducer)
  }
}

function byProducer(a: { readonly producerId: number }, b: { readonly producerId: number }): number {
  return a.producerId - b.producerId
}

function offsetsOf(disk: VirtualDisk, suffix: string): number[] {
  return disk.list(DIRECTORY).flatMap((name) => {
    const parsed = parseSegmentFileName(name)
    return parsed?.suffix === suffix ? [parsed.offset] : []
  })
}

function snapshotAt(disk: VirtualDisk, offset: number): readonly object[] {
  const path = `${DIRECTORY}/${segmentFileName(offset, 'snapshot')}`
  const producers = decodeProducerSnapshot(kernel, content(disk, path) ?? new Uint8Array(), path)
  return producers.map(told).sort(byProducer)
}

function told({ producerId, batches }: StoredProducer): { readonly producerId: number; readonly batch: object } {
  const { timestamp: _, ...batch } = batches[0] ?? { timestamp: 0 }
  return { producerId, batch }
}

function epochs(disk: VirtualDisk): readonly object[] {
  const bytes = content(disk, `${DIRECTORY}/${LEADER_EPOCH_CHECKPOINT}`)
  assert.ok(bytes, 'leader-epoch-checkpoint is missing')
  return parseLeaderEpochs(bytes, LEADER_EPOCH_CHECKPOINT)
}

const damageOf = (disk: VirtualDisk) => runNow(verifyDirectory(disk, kernel, () => {})).damage

derived('a recovery makes the entries of indexes as the topic has them: they were as far apart as by default', () => {
  const indexes = (disk: VirtualDisk) => {
    const names = disk.list(DIRECTORY).filter((name) => /\.(time)?index$/.test(name))
    return names.map((name) => [name, Buffer.from(content(disk, `${DIRECTORY}/${name}`) ?? []).toString('hex')])
  }
  const [closed, killed] = [new Story(INDEXED), new Story(INDEXED)]
  for (const story of [closed, killed]) story.send(25)
  closed.close()
  // Index files aren't flushed.
  const expected = indexes(closed.crash('kill'))
  assert.ok(expected.some(([name, bytes]) => name?.endsWith('.index') === true && bytes !== ''))
  killed.reopen(killed.crash('kill'))
  assert.not(killed.isClean)
  killed.close()
  assert.equal(indexes(killed.crash('kill')), expected)
})

derived('a close leaves the indexes of the active segment with all their entries', () => {
  const story = new Story({ ...INDEXED, 'segment.bytes': 100_000 })
  story.send(25)
  story.close()
  // Index files aren't flushed.
  const disk = story.crash('kill')
  assert.equal(offsetsOf(disk, 'log'), [0])
  // None of the first batch.
  assert.is(content(disk, `${DIRECTORY}/${segmentFileName(0, 'index')}`)?.length, 24 * OFFSET_ENTRY_BYTES)
  assert.ok((content(disk, `${DIRECTORY}/${segmentFileName(0, 'timeindex')}`)?.length ?? 0) >= TIME_ENTRY_BYTES)
})

derived('a close leaves a snapshot at the base of each segment and at the end, as the batches have it', () => {
  const story = new Story()
  story.send(25)
  const disk = story.close()
  const bases = offsetsOf(disk, 'log')
  assert.ok(bases.length > 4)
  const found = offsetsOf(disk, 'snapshot')
  // Of the rolls between two checkpoints the newest two are enough.
  assert.equal(found.slice(-3), [...bases.slice(-2), 25])
  assert.equal(
    found.slice(0, -1),
    bases.filter((base) => found.includes(base)),
  )
  for (const offset of offsetsOf(disk, 'snapshot')) {
    assert.equal(snapshotAt(disk, offset), story.producersBelow(offset), `${offset}`)
  }
  assert.equal(epochs(disk), [{ epoch: 0, startOffset: 0 }])
  assert.equal(damageOf(disk), [])
})

derived('the end’s snapshot goes when there is a later one, those of segments stay', () => {
  const story = new Story()
  story.send(2)
  const disk = story.close()
  assert.equal(offsetsOf(disk, 'snapshot'), [2])
  story.reopen(disk)
  story.send(3)
  const after = story.close()
  const bases = offsetsOf(after, 'log').slice(1)
  assert.ok(bases.length > 0 && !bases.includes(2))
  assert.equal(offsetsOf(after, 'snapshot'), [...bases, 5])
  assert.equal(damageOf(after), [])
})

derived(
  'a segment that is begun and has no batch yet at the close: its base is the end, which has one snapshot',
  () => {
    const story = new Story()
    story.send(2)
    story.sendWithoutRoom()
    const disk = story.close()
    assert.equal(offsetsOf(disk, 'log'), [0, 2])
    assert.equal(offsetsOf(disk, 'snapshot'), [2])
    story.reopen(disk)
    assert.ok(story.isClean)
    assert.equal(damageOf(disk), [])
  },
)

derived('those of a roll come with the next checkpoint', () => {
  const story = new Story()
  story.send(150)
  const disk = story.crash('kill')
  const found = offsetsOf(disk, 'snapshot')
  assert.ok(found.length >= 2)
  for (const offset of found) assert.equal(snapshotAt(disk, offset), story.producersBelow(offset), `${offset}`)
  assert.equal(damageOf(disk), [])
})

derived('an unclean open raises the epoch, which the partition has from its next batch on', () => {
  for (const mode of ['none', 'kill'] as const) {
    const story = new Story()
    story.send(3)
    story.reopen(story.crash(mode))
    const disk = story.close()
    assert.equal(epochs(disk), [{ epoch: 0, startOffset: 0 }], 'nothing was appended under it')
    story.reopen(disk)
    story.send(1)
    story.reopen(story.crash(mode))
    story.reopen(story.close())
    story.send(1)
    const after = story.close()
    const known = [0, 1, 2].map((epoch) => ({ epoch, startOffset: epoch === 0 ? 0 : epoch + 2 }))
    assert.equal(epochs(after), known)
    assert.equal(damageOf(after), [])
  }
})

derived(
  'they count for nothing: lost, emptied or foreign ones change no answer, and are right after the next append and close',
  () => {
    const story = new Story()
    story.send(12)
    let disk = story.close()
    for (const bytes of [undefined, new Uint8Array(0), new Uint8Array(300).fill(7)]) {
      const names = disk.list(DIRECTORY).filter((name) => /snapshot$|^leader/.test(name))
      assert.ok(names.length >= 3)
      for (const name of names) {
        const path = `${DIRECTORY}/${name}`
        if (bytes === undefined) disk.remove(path)
        else overwrite(disk, path, bytes)
      }
      const found = damageOf(disk).map(({ file }) => file)
      // An empty file is one without leader epochs.
      const wrong = names.filter((name) => bytes !== undefined && (bytes.length > 0 || !name.startsWith('leader')))
      assert.equal(found.sort(), wrong.map((name) => `${DIRECTORY}/${name}`).sort())
      story.reopen(disk)
      assert.is(story.records, story.sent.length)
      assert.ok(story.isClean)
      story.send(1)
      disk = story.close()
      const end = story.sent.length
      assert.equal(snapshotAt(disk, end), story.producersBelow(end))
      assert.equal(epochs(disk), [{ epoch: 0, startOffset: 0 }])
    }
  },
)

derived('a process that dies between a roll and its index files leaves them to the next open', () => {
  // Segments of 400 bytes: a checkpoint comes every few dozen sends.
  for (let count = 5; count < 60; count += 6) {
    const story = new Story()
    story.send(count)
    story.reopen(story.crash('kill'))
    const opened = story.crash('kill')
    story.close()
    for (const disk of [opened, story.crash('kill')]) {
      const closed = offsetsOf(disk, 'log').slice(0, -1)
      assert.ok(closed.length > 0)
      for (const base of closed) {
        const timeIndex = content(disk, `${DIRECTORY}/${segmentFileName(base, 'timeindex')}`)
        assert.is(timeIndex?.length, TIME_ENTRY_BYTES, `${base} of ${count}`)
        assert.is(content(disk, `${DIRECTORY}/${segmentFileName(base, 'index')}`)?.length, 0, `${base} of ${count}`)
      }
      assert.equal(damageOf(disk), [])
    }
  }
})

derived('verify finds what the batches contradict', () => {
  const story = new Story()
  story.send(12)
  const disk = story.close()
  const [base = 0] = offsetsOf(disk, 'snapshot')
  const [older, newer] = [base, 12].map((offset) => `${DIRECTORY}/${segmentFileName(offset, 'snapshot')}`) as [
    string,
    string,
  ]
  const leaderEpochs = `${DIRECTORY}/${LEADER_EPOCH_CHECKPOINT}`
  const lies: readonly (readonly [string, Uint8Array | undefined])[] = [
    [newer, content(disk, older)],
    [older, content(disk, newer)],
    [leaderEpochs, new TextEncoder().encode('0\n1\n3 0\n')],
    [leaderEpochs, new TextEncoder().encode('0\n2\n0 0\n1 5\n')],
  ]
  for (const [path, lie] of lies) {
    const whole = content(disk, path)
    assert.ok(whole && lie)
    overwrite(disk, path, lie)
    assert.equal(
      damageOf(disk).map(({ file }) => file),
      [path],
    )
    overwrite(disk, path, whole)
    assert.equal(damageOf(disk), [])
  }
})

derived(
  'after an append a close makes the end’s snapshot and the epochs again, not the snapshot of a closed segment',
  () => {
    const story = new Story()
    story.send(12)
    const disk = story.close()
    const [base = 0] = offsetsOf(disk, 'snapshot')
    const pathOf = (offset: number) => `${DIRECTORY}/${segmentFileName(offset, 'snapshot')}`
    const leaderEpochs = `${DIRECTORY}/${LEADER_EPOCH_CHECKPOINT}`
    for (const path of [pathOf(base), pathOf(12), leaderEpochs]) {
      overwrite(disk, path, new Uint8Array([0, 9]))
      assert.is(disk.open(path, { create: false })?.flush(), undefined)
    }
    assert.is(damageOf(disk).length, 3)
    story.reopen(disk)
    assert.ok(story.isClean)
    story.send(1)
    assert.is(story.records, 13)
    const after = story.close()
    assert.equal(
      damageOf(after).map(({ file }) => file),
      [pathOf(base)],
    )
    assert.ok(offsetsOf(after, 'snapshot').includes(13))
  },
)

derived(
  'indexes and leader epochs that the device cannot read are made anew: a bad sector costs nothing but time',
  () => {
    for (const path of ['.index', '.timeindex', LEADER_EPOCH_CHECKPOINT]) {
      const story = new Story(INDEXED)
      story.send(20)
      const disk = story.close()
      const faults = new DiskFaults([{ kind: 'read', effect: 'error', at: 1, isSticky: true, path }])
      disk.faults = faults
      story.reopen(disk)
      assert.is(story.records, 20)
      story.sendAnew(1)
      const left = story.close()
      assert.ok(faults.struck > 0, path)
      assert.equal(runNow(verifyDirectory(left, kernel, () => {})).damage, [], path)
      story.reopen(left)
      assert.ok(story.isClean)
      assert.is(story.records, 21)
    }
  },
)

derived.run()
