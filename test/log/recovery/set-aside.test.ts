// What a recovery cuts is kept, the newest of it: sixteen files and 64 MiB, whatever the names of the topics.
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { SET_ASIDE_DIRECTORY, SetAside } from '../../../bindings/log/recovery/set-aside.ts'
import type { StoreFile } from '../../../bindings/storage/file-store.ts'
import { Random } from '../../../bindings/testkit/simulation/random.ts'
import { SyncHost } from '../../../bindings/testkit/simulation/sync-host.ts'
import { VirtualDisk } from '../../../bindings/testkit/simulation/virtual-disk.ts'
import { runNow } from '../support.ts'

const MIB = 1024 * 1024
const logOf = (topic: string) => `${topic}-0/00000000000000000000.log`

/** A log over these topics, whose first letters differ, killed with torn bytes past the end of each. */
function tornDisk(topics: readonly string[], from: VirtualDisk = new VirtualDisk()): VirtualDisk {
  const host = new SyncHost(from)
  host.open()
  for (const topic of topics) {
    const topicId = `AAAAAAAAAAAAAAAAAAAA${topic[0]}A`
    if (host.storage.list(`${topic}-0`).length === 0) host.createTopic(topicId, topic, 1, {})
    const place = { topic, partition: 0, producerId: host.openProducer(), producerEpoch: 0, baseSequence: 0 }
    host.send({ ...place, values: ['x'], acks: 'all' })
    host.settle()
  }
  const disk = host.storage.image(new Random(1), 'kill')
  for (const topic of topics) {
    const file = disk.open(logOf(topic), { create: false })
    file?.write(new Uint8Array(50).fill(7), file.size())
    file?.close()
  }
  return disk
}

/** A file of so many bytes that need no memory. */
function large(path: string, sizeBytes: number): StoreFile {
  const read = (into: Uint8Array, position: number) => {
    into.fill(7)
    return Math.min(into.length, sizeBytes - position)
  }
  return { path, read, write: () => 0, truncate() {}, size: () => sizeBytes, flush() {}, close() {} }
}

function keep(disk: VirtualDisk, leaderEpoch: number, files: readonly StoreFile[]): SetAside {
  const setAside = new SetAside(disk, leaderEpoch)
  for (const file of files) runNow(setAside.keep(file, 0, file.size()))
  runNow(setAside.finish())
  return setAside
}

test('the longest names of topics that differ in their first letter alone: the log opens, and keeps what it cut of each', () => {
  const topics = ['a', 'b'].map((first) => first + 't'.repeat(248))
  const host = new SyncHost(tornDisk(topics))
  const { setAsideBytes, setAsideFiles, damage } = host.open()
  assert.equal(damage, [])
  assert.is(setAsideBytes, 100)
  assert.is(new Set(setAsideFiles).size, 2)
  for (const path of setAsideFiles) assert.is(host.storage.open(path, { create: false })?.size(), 50)
})

test('what each of many recoveries cut is kept, the last sixteen of them', () => {
  let disk = new VirtualDisk()
  const kept: string[] = []
  for (let recovery = 0; recovery < 18; recovery++) {
    // The first ones come last by their topic's name.
    disk = tornDisk([String.fromCharCode(122 - recovery)], disk)
    const host = new SyncHost(disk)
    const { setAsideFiles } = host.open()
    assert.is(setAsideFiles.length, 1)
    kept.push(...setAsideFiles)
    disk = host.storage.image(new Random(recovery), 'kill')
  }
  const files = disk.list(SET_ASIDE_DIRECTORY).map((name) => `${SET_ASIDE_DIRECTORY}/${name}`)
  assert.equal(files, kept.slice(-16))
})

test('one recovery keeps sixteen of what it cuts, in the place of all that was kept before', () => {
  const disk = new VirtualDisk()
  keep(disk, 1, [large('t-0/1.log', 10)])
  const { files, bytes } = keep(
    disk,
    2,
    Array.from({ length: 20 }, (_, index) => large(`t-${index}/1.log`, 10)),
  )
  assert.equal([files.length, bytes], [16, 160])
  assert.equal(
    disk.list(SET_ASIDE_DIRECTORY).map((name) => `${SET_ASIDE_DIRECTORY}/${name}`),
    files,
  )
})

test('what somebody put beside them stays, whatever it is', () => {
  const disk = new VirtualDisk()
  disk.open(`${SET_ASIDE_DIRECTORY}/old/notes`, { create: true })?.close()
  disk.open(`${SET_ASIDE_DIRECTORY}/a`, { create: true })?.close()
  const likeACopy = '0000000001-00.kept'
  disk.open(`${SET_ASIDE_DIRECTORY}/${likeACopy}/notes`, { create: true })?.close()
  for (let epoch = 0; epoch < 20; epoch++) keep(disk, epoch, [large('t-0/1.log', 10)])
  const names = disk.list(SET_ASIDE_DIRECTORY)
  assert.is(names.length, 16 + 3)
  for (const name of ['old', 'a', likeACopy]) assert.ok(names.includes(name), name)
})

test('no more than 64 MiB, those of earlier recoveries in them; what is larger is not kept', () => {
  const disk = new VirtualDisk()
  assert.is(keep(disk, 1, [large('t-0/1.log', 65 * MIB)]).files.length, 0)
  keep(disk, 2, [large('t-0/1.log', 10 * MIB)])
  const before = keep(disk, 3, [large('t-0/1.log', 20 * MIB)])
  const after = keep(disk, 4, [
    large('t-0/2.log', 30 * MIB),
    large('t-0/3.log', 40 * MIB),
    large('t-0/4.log', 10 * MIB),
  ])
  assert.is(after.bytes, 40 * MIB)
  assert.equal(
    disk.list(SET_ASIDE_DIRECTORY).map((name) => `${SET_ASIDE_DIRECTORY}/${name}`),
    [...before.files, ...after.files],
  )
})

test.run()
