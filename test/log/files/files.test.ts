import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import {
  classifyPartitionFile,
  parsePartitionDirectory,
  parseSegmentFileName,
  partitionDirectory,
  segmentFileName,
} from '../../../bindings/log/files/file-names.ts'
import {
  assignLeaderEpoch,
  clampLeaderEpochs,
  formatLeaderEpochs,
  parseLeaderEpochs,
} from '../../../bindings/log/files/leader-epoch-checkpoint.ts'
import { formatPartitionMetadata, parsePartitionMetadata } from '../../../bindings/log/files/partition-metadata.ts'
import { decodeProducerSnapshot, encodeProducerSnapshot } from '../../../bindings/log/files/producer-snapshot.ts'
import { readFile, replaceFiles } from '../../../bindings/log/files/small-file.ts'
import { LogError } from '../../../bindings/model/errors.ts'
import { runTask } from '../../../bindings/storage/run-task.ts'
import type { StoredProducer } from '../../../bindings/storage/stored-state.ts'
import type { OperationKind } from '../../../bindings/testkit/simulation/operation-kind.ts'
import { Random } from '../../../bindings/testkit/simulation/random.ts'
import { CrashSignal, VirtualDisk } from '../../../bindings/testkit/simulation/virtual-disk.ts'
import { fromHex, newKernel, toHex } from '../../kernel/support.ts'
import { runNow } from '../support.ts'

const kernel = newKernel()
const text = (bytes: Uint8Array) => new TextDecoder().decode(bytes)
const bytesOf = (content: string) => new TextEncoder().encode(content)

function codeOf(work: () => unknown): string {
  try {
    work()
  } catch (error) {
    if (!LogError.is(error)) throw error
    assert.is((error.details as { file?: string }).file, 'a-0/x', 'the file is named')
    return error.code
  }
  return 'fine'
}

const names = suite('names')

names('a segment is named by its base offset in 20 digits', () => {
  assert.is(segmentFileName(42, 'timeindex'), '00000000000000000042.timeindex')
  assert.equal(parseSegmentFileName('00000000000000000042.log'), { offset: 42, suffix: 'log' })
  assert.equal(parseSegmentFileName('00009007199254740991.snapshot'), { offset: 2 ** 53 - 1, suffix: 'snapshot' })
})

names('what only looks like a segment is none', () => {
  for (const name of ['42.log', '00000000000000000042.txt', '99999999999999999999.log', '00000000000000000042.log.x'])
    assert.is(parseSegmentFileName(name), undefined, name)
  for (const name of ['00000000000000000042', '00000000000000000042.LOG', '-0000000000000000042.log', ''])
    assert.is(parseSegmentFileName(name), undefined, name)
})

names('a partition directory is split at its last dash', () => {
  assert.is(partitionDirectory('a-b', 3), 'a-b-3')
  assert.equal(parsePartitionDirectory('a-b-3'), { topic: 'a-b', partition: 3 })
  assert.equal(parsePartitionDirectory('a--1'), { topic: 'a-', partition: 1 })
  for (const name of ['a', 'a-', '-1', 'a-01', 'a-1x', '..-1', '.-0', 'a/b-1', 'a-4294967296', 'journal', 'a-1.stray'])
    assert.is(parsePartitionDirectory(name), undefined, name)
})

names('each name in a partition directory is known or foreign', () => {
  const kinds = (...list: string[]) => list.map((name) => classifyPartitionFile(name).kind)
  assert.equal(kinds('00000000000000000000.index', 'partition.metadata'), ['segment', 'metadata'])
  assert.equal(kinds('leader-epoch-checkpoint', 'leader-epoch-checkpoint.tmp'), ['leader-epochs', 'temporary'])
  assert.equal(kinds('notes.txt', 'notes.txt.tmp', '.tmp', 'x.tmp.tmp'), Array(4).fill('foreign'))
})

names.run()

const metadata = suite('partition.metadata')
const topicId = 'AAAAAAAAAAAAA7SrBWaJ7g'

metadata('is Kafka’s two lines without an end, and comes back', () => {
  assert.is(text(formatPartitionMetadata(topicId)), `version: 0\ntopic_id: ${topicId}`)
  assert.is(parsePartitionMetadata(formatPartitionMetadata(topicId), 'a-0/x'), topicId)
  assert.is(parsePartitionMetadata(bytesOf(`version: 0\ntopic_id: ${topicId}\n`), 'a-0/x'), topicId)
})

metadata('every truncation is noticed, every flip is or gives another id', () => {
  const whole = formatPartitionMetadata(topicId)
  for (let size = 0; size < whole.length; size++)
    assert.is(
      codeOf(() => parsePartitionMetadata(whole.subarray(0, size), 'a-0/x')),
      'CORRUPT_LOG',
      `${size}`,
    )
  eachFlip(whole, (bytes, bit) => {
    const code = codeOf(() => assert.is.not(parsePartitionMetadata(bytes, 'a-0/x'), topicId))
    if (bit < 8 * 'version: 0\ntopic_id: '.length) assert.is(code, 'CORRUPT_LOG', `bit ${bit}`)
  })
})

metadata('a version from the future, letters beyond ASCII, and bits that 16 bytes can’t have are refused', () => {
  for (const content of [`version: 1\ntopic_id: ${topicId}`, 'version: 0\ntopic_id: ÄAAAAAAAAAAAAAAAAAAAAA'])
    assert.is(
      codeOf(() => parsePartitionMetadata(bytesOf(content), 'a-0/x')),
      'CORRUPT_LOG',
    )
  const overlong = bytesOf('version: 0\ntopic_id: AAAAAAAAAAAAAAAAAAAAAB')
  assert.is(
    codeOf(() => parsePartitionMetadata(overlong, 'a-0/x')),
    'CORRUPT_LOG',
  )
})

metadata.run()

const epochs = suite('leader-epoch-checkpoint')
const entries = [
  { epoch: 0, startOffset: 0 },
  { epoch: 3, startOffset: 15 },
  { epoch: 4, startOffset: 9007199254740991 },
]

epochs('is Kafka’s text, and comes back', () => {
  assert.is(text(formatLeaderEpochs(entries)), '0\n3\n0 0\n3 15\n4 9007199254740991\n')
  assert.equal(parseLeaderEpochs(formatLeaderEpochs(entries), 'a-0/x'), entries)
  assert.is(text(formatLeaderEpochs([])), '0\n0\n')
})

epochs('an empty or version-only file has no entries, as in Kafka', () => {
  for (const content of ['', '0\n', '0\n0\n']) assert.equal(parseLeaderEpochs(bytesOf(content), 'a-0/x'), [])
})

epochs('a wrong count, order, number or line end is refused', () => {
  const wrong = ['0\n2\n0 0\n', '0\n1\n0 0\n1 5\n', '0\n2\n0 0\n0 5\n', '0\n2\n0 5\n1 5\n', '0\n1\n0 0', '0\n1\n0 x\n']
  wrong.push(
    '1\n0\n',
    '0\n-1\n',
    '0\n1\n0  0\n',
    '0\n1\n00 0\n',
    '0\n1\n0 9007199254740993\n',
    '0\n1\n4294967296 0\n',
    '\n',
  )
  for (const content of wrong) {
    assert.is(
      codeOf(() => parseLeaderEpochs(bytesOf(content), 'a-0/x')),
      'CORRUPT_LOG',
      JSON.stringify(content),
    )
  }
})

epochs('every truncation but to the version alone is noticed', () => {
  const whole = formatLeaderEpochs(entries)
  for (let size = 1; size < whole.length; size++) {
    if (size === 2) continue
    assert.is(
      codeOf(() => parseLeaderEpochs(whole.subarray(0, size), 'a-0/x')),
      'CORRUPT_LOG',
      `${size}`,
    )
  }
})

epochs('no flip gives an untyped error', () => {
  eachFlip(formatLeaderEpochs(entries), (bytes) => codeOf(() => parseLeaderEpochs(bytes, 'a-0/x')))
})

epochs('a higher epoch is added and takes the place of those that begin at or after it', () => {
  assert.equal(assignLeaderEpoch([], 2, 7), [{ epoch: 2, startOffset: 7 }])
  assert.is(assignLeaderEpoch(entries, 4, 99), entries)
  assert.equal(assignLeaderEpoch(entries, 9, 15), [
    { epoch: 0, startOffset: 0 },
    { epoch: 9, startOffset: 15 },
  ])
})

epochs('clamped to a log, the epoch in force at its start begins there', () => {
  assert.equal(clampLeaderEpochs(entries, 0, 100), entries.slice(0, 2))
  assert.equal(clampLeaderEpochs(entries, 20, 100), [{ epoch: 3, startOffset: 20 }])
  assert.equal(clampLeaderEpochs(entries, 15, 15), [])
  assert.equal(clampLeaderEpochs(entries, 10, 16), [
    { epoch: 0, startOffset: 10 },
    { epoch: 3, startOffset: 15 },
  ])
})

epochs.run()

const snapshot = suite('.snapshot')
const golden =
  '00015f3aee1c000000010000000000000fa0000100000009000000000000002c000000020000018bcfe5680500000003ffffffffffffffff'
const producer: StoredProducer = {
  producerId: 4000,
  producerEpoch: 1,
  coordinatorEpoch: 3,
  currentTransactionFirstOffset: -1,
  batches: [{ firstSequence: 7, lastSequence: 9, baseOffset: 42, lastOffset: 44, timestamp: 1700000000005 }],
}

snapshot('is Kafka’s, byte for byte', () => {
  assert.is(toHex(encodeProducerSnapshot(kernel, [producer])), golden)
  assert.equal(decodeProducerSnapshot(kernel, fromHex(golden), 'a-0/x'), [producer])
})

snapshot('holds the last batch of each producer only, also across the wrap of sequences', () => {
  const batch = { firstSequence: 2147483638, lastSequence: 10, baseOffset: 50, lastOffset: 70, timestamp: 5 }
  const whole = { ...producer, batches: [...producer.batches, batch] }
  const [back] = decodeProducerSnapshot(kernel, encodeProducerSnapshot(kernel, [whole]), 'a-0/x')
  assert.equal(back, { ...producer, batches: [batch] })
})

snapshot('holds a producer without a batch, and none at all', () => {
  const bare = { ...producer, currentTransactionFirstOffset: 12, batches: [] }
  const many = [
    bare,
    { ...bare, producerId: 5, markerTimestamp: 1700000000006 },
    { ...producer, producerId: 2 ** 53 - 1, producerEpoch: 32767 },
  ]
  assert.equal(decodeProducerSnapshot(kernel, encodeProducerSnapshot(kernel, many), 'a-0/x'), many)
  assert.equal(decodeProducerSnapshot(kernel, encodeProducerSnapshot(kernel, []), 'a-0/x'), [])
})

snapshot(
  'every truncation, flip and addition is noticed (testLoadFromCorruptSnapshotFile, testLoadFromEmptySnapshotFile)',
  () => {
    const whole = fromHex(golden)
    for (let size = 0; size < whole.length; size++)
      assert.is(
        codeOf(() => decodeProducerSnapshot(kernel, whole.subarray(0, size), 'a-0/x')),
        'CORRUPT_LOG',
        `${size}`,
      )
    eachFlip(whole, (bytes, bit) =>
      assert.is(
        codeOf(() => decodeProducerSnapshot(kernel, bytes, 'a-0/x')),
        'CORRUPT_LOG',
        `bit ${bit}`,
      ),
    )
    const longer = Uint8Array.of(...whole, 0)
    assert.is(
      codeOf(() => decodeProducerSnapshot(kernel, longer, 'a-0/x')),
      'CORRUPT_LOG',
    )
  },
)

snapshot('a right checksum over fields that can’t be is refused', () => {
  const with64 = (at: number, value: bigint) => {
    const bytes = fromHex(golden)
    const view = new DataView(bytes.buffer)
    view.setBigInt64(at, value)
    view.setUint32(2, kernel.crc32cOf(bytes.subarray(6)))
    return codeOf(() => decodeProducerSnapshot(kernel, bytes, 'a-0/x'))
  }
  assert.is(with64(10, 5n), 'fine')
  assert.is(with64(10, -2n), 'CORRUPT_LOG', 'a negative producer')
  assert.is(with64(10, 2n ** 60n), 'CORRUPT_LOG', 'an id beyond 2^53')
  assert.is(with64(24, 1n), 'CORRUPT_LOG', 'a batch that begins below 0')
})

snapshot.run()

const replaced = suite('replaceFiles')

replaced('after a crash before any operation, however torn, the old or the new content stands there', () => {
  const path = 'a-0/leader-epoch-checkpoint'
  let crashes = 0
  for (let at = 1; ; at++) {
    const disk = new VirtualDisk()
    runNow(replaceFiles(disk, 'a-0', [{ name: 'leader-epoch-checkpoint', bytes: bytesOf('old') }]))
    disk.syncDirectory('')
    const done = disk.operations
    disk.crashAt = done + at
    try {
      runNow(replaceFiles(disk, 'a-0', [{ name: 'leader-epoch-checkpoint', bytes: bytesOf('the new one') }]))
      break
    } catch (error) {
      if (!(error instanceof CrashSignal)) throw error
      crashes++
    }
    for (const mode of ['kill', 'torn', 'none', 'all', 'mixed'] as const) {
      const after = disk.image(new Random(at), mode)
      const content = runNow(readFile(after, path, 100))
      assert.ok(['old', 'the new one'].includes(text(content ?? new Uint8Array())), `${mode} at ${at}`)
    }
  }
  assert.ok(crashes >= 5, `${crashes} operations`)
})

replaced('nor does a second crash tear it, where the first left the file both its names', () => {
  const replace = (disk: VirtualDisk) =>
    runNow(replaceFiles(disk, 'a-0', [{ name: 'partition.metadata', bytes: bytesOf('whose it is') }]))
  let bothNames = 0
  for (let seed = 0; seed < 1000; seed++) {
    const disk = new VirtualDisk()
    replace(disk)
    disk.syncDirectory('')
    crashBefore(disk, 'syncDirectory', () => replace(disk))
    const after = disk.image(new Random(seed), 'mixed')
    if (after.list('a-0').length === 2) bothNames++
    crashBefore(after, 'flush', () => replace(after))
    const left = after.image(new Random(seed), 'mixed')
    assert.is(text(runNow(readFile(left, 'a-0/partition.metadata', 100)) ?? new Uint8Array()), 'whose it is', `${seed}`)
  }
  assert.ok(bothNames > 20, `${bothNames} with both names`)
})

replaced('readFile refuses more than such a file can have, and misses what isn’t there', async () => {
  const disk = new VirtualDisk()
  assert.is(await runTask(readFile(disk, 'a-0/x', 10)), undefined)
  runNow(replaceFiles(disk, 'a-0', [{ name: 'x', bytes: bytesOf('eleven byte') }]))
  assert.is(
    codeOf(() => runNow(readFile(disk, 'a-0/x', 10))),
    'CORRUPT_LOG',
  )
  assert.is(text(runNow(readFile(disk, 'a-0/x', 11)) ?? new Uint8Array()), 'eleven byte')
})

replaced.run()

/** Does a work up to its first operation of a kind. */
function crashBefore(disk: VirtualDisk, kind: OperationKind, work: () => void): void {
  disk.watch = (number, each) => {
    if (each === kind) disk.crashAt = number
  }
  try {
    work()
    throw new Error(`no ${kind}`)
  } catch (error) {
    if (!(error instanceof CrashSignal)) throw error
  }
}

function eachFlip(whole: Uint8Array, work: (bytes: Uint8Array, bit: number) => void): void {
  for (let bit = 0; bit < whole.length * 8; bit++) {
    const bytes = whole.slice()
    bytes[bit >> 3] = (bytes[bit >> 3] ?? 0) ^ (1 << (bit & 7))
    work(bytes, bit)
  }
}
