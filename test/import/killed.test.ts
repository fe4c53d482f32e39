/**
 * What a kill, a cleaner, a damaged disk or an old version leaves: taken as Kafka's own start takes it, or refused with
 * its place.
 */
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { BigEndianWriter } from '../../bindings/coordinator/big-endian-writer.ts'
import { nodePort } from '../../bindings/entry/embedded/node-port.ts'
import { encodeProducerSnapshot } from '../../bindings/log/files/producer-snapshot.ts'
import { LogError } from '../../bindings/model/errors.ts'
import { runTask } from '../../bindings/storage/run-task.ts'
import type { VirtualDisk } from '../../bindings/testkit/simulation/virtual-disk.ts'
import { joined } from '../joined.ts'
import { imported, importing, seen } from './imported.ts'
import { altered, batch, IDS, KafkaSource, kernel, marker, metadata, TIME } from './kafka-source.ts'

await nodePort.ready?.()

const SEGMENT = 't-0/00000000000000000000.log'
const whole = (offset: number) => batch(offset, { values: [`${offset}`] })
const torn = (offset: number) => whole(offset).subarray(0, -3)

async function refusal(disk: VirtualDisk): Promise<LogError> {
  try {
    await imported(disk)
  } catch (error) {
    if (LogError.is(error)) return error
    throw error
  }
  throw new Error('it was imported')
}

const tails: readonly (readonly [string, Uint8Array])[] = [
  ['half a batch', torn(2)],
  ['a few bytes', new Uint8Array([0, 0, 0])],
  ['zeros, as preallocated', new Uint8Array(5000)],
  ['garbage', new Uint8Array(300).map((_, index) => (index * 37 + 11) & 0xff)],
  ['a batch whose middle was not written', whole(2).map((byte, index) => (index > 65 ? 0 : byte))],
  ['a header whose rest was not written', whole(2).map((byte, index) => (index > 14 ? 0 : byte))],
]

for (const [name, tail] of tails) {
  test(`killed: ${name} at the end is cut off where Kafka cuts it, and told`, async () => {
    const source = new KafkaSource(false).partition('t-0', IDS[0], whole(0), whole(1), tail)
    const { log, report } = await imported(source.disk)
    assert.equal(await seen(log, 't'), ['0:0', '1:1'])
    const [cut, ...others] = report.leftOut
    const position = whole(0).length + whole(1).length
    assert.equal([cut?.file, cut?.position, cut?.offset, cut?.bytes], [SEGMENT, position, 2, tail.length])
    assert.equal([cut?.isLoss, report.isClean, others], [false, false, []])
    assert.is((await log.producer().send({ topic: 't', value: 'on' })).offset, 2)
    await log.close()
  })

  test(`stopped cleanly: ${name} at the end is damage`, async () => {
    const source = new KafkaSource().partition('t-0', IDS[0], whole(0), whole(1), tail)
    const { code, details } = await refusal(source.disk)
    assert.is(code, 'CORRUPT_MESSAGE')
    const { topic, partition, offset, file, position } = details
    assert.equal([topic, partition, offset, file], ['t', 0, 2, SEGMENT])
    assert.is(position, whole(0).length + whole(1).length)
  })
}

test('killed: cut at any byte it ends after the last whole batch, and what is left over is reported to the byte', async () => {
  const batches = [0, 1, 2].map(whole)
  const bytes = joined(batches)
  for (let cut = 0; cut <= bytes.length; cut++) {
    const source = new KafkaSource(false).partition('t-0', IDS[0], bytes.subarray(0, cut))
    const { partitions, leftOut } = await runTask(importing(source.disk, undefined))
    const count = batches.findIndex((_, index) => joined(batches.slice(0, index + 1)).length > cut)
    const kept = count < 0 ? batches.length : count
    const position = joined(batches.slice(0, kept)).length
    assert.is(partitions[0]?.nextOffset, kept, `cut at ${cut}`)
    const expected = cut === position ? [] : [[position, cut - position, kept]]
    assert.equal(
      leftOut.map((each) => [each.position, each.bytes, each.offset]),
      expected,
      `cut at ${cut}`,
    )
  }
})

test('killed: segments after the one that is cut go too, those before the recovery point are not recovered', async () => {
  const source = new KafkaSource(false)
    .partition('t-0', IDS[0], whole(0), whole(1))
    .segment('t-0', 2, whole(2), torn(3))
    .segment('t-0', 4, whole(4))
    .offsets('recovery-point-offset-checkpoint', { 't-0': 2 })
  const { log, report } = await imported(source.disk)
  assert.equal(await seen(log, 't'), ['0:0', '1:1', '2:2'])
  assert.equal(
    report.leftOut.map(({ file, position }) => [file, position]),
    [
      ['t-0/00000000000000000002.log', whole(2).length],
      ['t-0/00000000000000000004.log', 0],
    ],
  )
  await log.close()
  source.offsets('recovery-point-offset-checkpoint', { 't-0': 4 })
  const { code, details } = await refusal(source.disk)
  assert.equal([code, details['file'], details['offset']], ['CORRUPT_MESSAGE', 't-0/00000000000000000002.log', 3])
})

test('killed: a flipped bit is cut off as Kafka does, and reported as a loss where whole batches follow it', async () => {
  const flipped = (offset: number) => whole(offset).map((byte, at) => (at === 66 ? byte ^ 1 : byte))
  const lengthFlipped = (offset: number) => whole(offset).map((byte, at) => (at === 10 ? byte ^ 1 : byte))
  const partition = (...batches: Uint8Array[]) => new KafkaSource(false).partition('t-0', IDS[0], ...batches)
  const cases: readonly (readonly [KafkaSource, string[], boolean])[] = [
    [partition(whole(0), flipped(1), whole(2)), ['0:0'], true],
    [partition(whole(0), lengthFlipped(1), whole(2), whole(3)), ['0:0'], true],
    [partition(whole(0), flipped(1)).segment('t-0', 2, whole(2)), ['0:0'], true],
    [partition(whole(0), whole(1), flipped(2)), ['0:0', '1:1'], false],
    [partition(whole(0), flipped(1), torn(2)), ['0:0'], false],
  ]
  for (const [index, [{ disk }, records, isLoss]] of cases.entries()) {
    const { log, report } = await imported(disk)
    assert.equal(await seen(log, 't'), records)
    const [cut] = report.leftOut
    assert.equal(
      [cut?.topic, cut?.partition, cut?.offset, cut?.isLoss],
      ['t', 0, records.length, isLoss],
      `case ${index}`,
    )
    assert.is(cut?.why.includes('whole ones after it'), isLoss)
    await log.close()
  }
})

test("stopped cleanly: the controllers' own log, which has no clean stop, is cut as after a kill", async () => {
  const known = batch(0, { values: [metadata.topic('t', IDS[0]), metadata.partition(IDS[0], 0)] })
  const source = new KafkaSource()
    .partition('t-0', IDS[0], whole(0))
    .partition('__cluster_metadata-0', IDS[1], known, torn(2))
  const { log, report } = await imported(source.disk)
  assert.equal(await seen(log, 't'), ['0:0'])
  assert.ok(report.isClean)
  await log.close()
})

test('offsets that a reader may have seen before the cut are not given again', async () => {
  const source = new KafkaSource(false)
    .partition('t-0', IDS[0], whole(0), torn(1))
    .offsets('replication-offset-checkpoint', { 't-0': 9 })
  const { log } = await imported(source.disk)
  assert.equal(await seen(log, 't'), ['0:0'])
  assert.is((await log.producer().send({ topic: 't', value: 'on' })).offset, 9)
  await log.close()
})

test('damage in the middle is an error with its place; left out if asked, with all after it, and reported as a loss', async () => {
  const spoilt = whole(1)
  spoilt[spoilt.length - 2] = 0xff
  const source = new KafkaSource()
    .partition('t-0', IDS[0], whole(0), spoilt, whole(2))
    .segment('t-0', 3, whole(3))
    .partition('u-0', IDS[1], whole(0))
  const error = await refusal(source.disk)
  assert.equal(error.details, {
    topic: 't',
    partition: 0,
    offset: 1,
    file: SEGMENT,
    position: whole(0).length,
    fault: 'bad-crc',
  })
  assert.match(error.message, /--leave-out-damaged/)
  assert.match(error.hint, 'unless the message names another way')
  const { log, report } = await imported(source.disk, { leaveOutDamaged: true })
  assert.equal([await seen(log, 't'), await seen(log, 'u')], [['0:0'], ['0:0']])
  assert.equal(
    report.leftOut.map(({ file, offset, isLoss }) => [file, offset, isLoss]),
    [
      [SEGMENT, 1, true],
      ['t-0/00000000000000000003.log', 3, true],
    ],
  )
  await log.close()
})

test("a broker's file of offsets that is damaged is an error by its name; left out, it counts as missing, as for Kafka", async () => {
  const source = new KafkaSource()
    .partition('t-0', IDS[0], whole(0), whole(1))
    .text('log-start-offset-checkpoint', '0\n2\nt 0 1\n')
  const { code, details } = await refusal(source.disk)
  assert.equal([code, details['file']], ['CORRUPT_LOG', 'log-start-offset-checkpoint'])
  const { log, report } = await imported(source.disk, { leaveOutDamaged: true })
  assert.equal(await seen(log, 't'), ['0:0', '1:1'])
  assert.is(report.leftOut[0]?.file, 'log-start-offset-checkpoint')
  await log.close()
})

test('a damaged partition.metadata is an error by its name; left out, it counts as missing', async () => {
  const source = new KafkaSource()
    .partition('t-0', IDS[0], whole(0), whole(1))
    .text('t-0/partition.metadata', 'version: 0\ntopic_id: damaged')
  const { code, details } = await refusal(source.disk)
  assert.equal([code, details['file']], ['CORRUPT_LOG', 't-0/partition.metadata'])
  const { log, report } = await imported(source.disk, { leaveOutDamaged: true })
  assert.equal(await seen(log, 't'), ['0:0', '1:1'])
  assert.equal(
    report.leftOut.map(({ file, isLoss }) => [file, isLoss]),
    [['t-0/partition.metadata', false]],
  )
  await log.close()
})

test('a number of partitions that no topic can have asks for no memory', async () => {
  for (const leaveOutDamaged of [false, true]) {
    const { disk } = new KafkaSource().partition('t-2147483647', IDS[0], whole(0))
    try {
      await imported(disk, { leaveOutDamaged })
      assert.unreachable()
    } catch (error) {
      assert.ok(LogError.is(error, 'INVALID_PARTITIONS'), `${error}`)
    }
  }
})

test('what comes out of a compressed batch is looked at, though its checksum holds', async () => {
  const compressed = batch(0, { values: ['x'.repeat(100)], compression: 'gzip' })
  const source = new KafkaSource(false).partition(
    't-0',
    IDS[0],
    altered(compressed, (view) => view.setUint32(view.byteLength - 8, 0)),
  )
  const { code, details } = await refusal(source.disk)
  assert.equal([code, details['fault']], ['CORRUPT_MESSAGE', 'bad-compression'])
})

/** offset, size, CRC-32, magic, attributes, timestamp, key, value. */
function legacy(magic: 0 | 1): Buffer {
  const body = magic === 0 ? '00 00 ffffffff 00000001 78' : '01 00 0000018bcfe56800 ffffffff 00000001 78'
  const bytes = Buffer.from(body.replaceAll(' ', ''), 'hex')
  const crc = magic === 0 ? '35b492f2' : '26df07c2'
  const size = Buffer.alloc(4)
  size.writeInt32BE(bytes.length + 4)
  return Buffer.concat([Buffer.alloc(8), size, Buffer.from(crc, 'hex'), bytes])
}

test('messages of the formats before 0.11 are refused by file and position, after a kill too', async () => {
  for (const isClean of [true, false]) {
    for (const magic of [0, 1] as const) {
      const source = new KafkaSource(isClean).partition('t-0', IDS[0], whole(0), legacy(magic))
      const { code, details } = await refusal(source.disk)
      assert.equal(
        [code, details['file'], details['position']],
        ['UNSUPPORTED_FOR_MESSAGE_FORMAT', SEGMENT, whole(0).length],
      )
    }
  }
})

// An import ended with 0, and said of whole messages that nothing was lost: after the cut it looked for batches alone.
test('killed: whole messages of an old format after the cut are reported as a loss, in the same file and a later one', async () => {
  const flipped = legacy(1)
  flipped.writeUInt8(0, flipped.length - 1)
  for (const source of [
    new KafkaSource(false).partition('t-0', IDS[0], flipped, legacy(1)),
    new KafkaSource(false).partition('t-0', IDS[0], flipped).segment('t-0', 1, legacy(0)),
  ]) {
    const { log, report } = await imported(source.disk)
    assert.ok(report.leftOut.every(({ isLoss }) => isLoss))
    assert.match(report.leftOut[0]?.why ?? '', /whole ones after it/)
    await log.close()
  }
})

test('attributes, control records and versions that nobody knows yet are refused', async () => {
  const strange = altered(whole(0), (view) => view.setInt16(21, 0x80))
  const leader = altered(marker(0, 5, true), (view) => view.setInt8(61 + 8, 2))
  for (const bytes of [strange, leader]) {
    const { code, details } = await refusal(new KafkaSource().partition('t-0', IDS[0], bytes).disk)
    assert.equal([code, details['position']], ['UNSUPPORTED_FOR_MESSAGE_FORMAT', 0])
  }
  const newer = new KafkaSource().partition('t-0', IDS[0], whole(0)).text('meta.properties', 'version=2\n')
  assert.is((await refusal(newer.disk)).code, 'UNSUPPORTED_FOR_MESSAGE_FORMAT')
})

test('a number beyond 2^53 is refused, not rounded and not cut off', async () => {
  const far = altered(whole(0), (view) => view.setBigInt64(43, 2n ** 60n))
  const { code, details } = await refusal(new KafkaSource(false).partition('t-0', IDS[0], far).disk)
  assert.equal([code, details['file']], ['INTEGER_RANGE', SEGMENT])
})

test('a producer id above which none is left is refused: the log that was made of it could not be opened', async () => {
  for (const producerId of [2 ** 53 - 1, 2 ** 53 - 1000]) {
    const { disk } = new KafkaSource().partition('t-0', IDS[0], batch(0, { values: ['x'], producerId }))
    const { code, details } = await refusal(disk)
    assert.equal([code, details['file'], details['position']], ['INTEGER_RANGE', SEGMENT, 0])
  }
})

test('a leader epoch above which too few are left is refused: batches after it would have had one below 0', async () => {
  const withEpoch = (leaderEpoch: number) =>
    new KafkaSource().partition('t-0', IDS[0], batch(0, { values: ['x'], leaderEpoch })).disk
  for (const leaderEpoch of [2 ** 31 - 1, 2 ** 30 + 1]) {
    const { code, details, message, hint } = await refusal(withEpoch(leaderEpoch))
    assert.equal([code, details['file'], details['position']], ['INTEGER_RANGE', SEGMENT, 0])
    assert.match(message, '--leave-out-damaged')
    assert.not.match(hint, 'salvage')
  }
  const { log } = await imported(withEpoch(2 ** 30))
  assert.equal(await seen(log, 't'), ['0:x'])
})

test("leftovers of a cleaner: a finished compaction counts, an unfinished one doesn't, and all of it is told", async () => {
  const source = new KafkaSource(false)
    .partition('t-0', IDS[0], whole(0), whole(1))
    .segment('t-0', 2, whole(2))
    .segment('t-0', 3, whole(3))
    .file('t-0/00000000000000000000.log.swap', whole(1), whole(2))
    .file('t-0/00000000000000000000.index.swap')
    .file('t-0/00000000000000000003.log.cleaned', whole(3))
    .file('t-0/00000000000000000009.log.deleted', whole(9))
  const { log, report } = await imported(source.disk)
  assert.equal(await seen(log, 't'), ['1:1', '2:2', '3:3'])
  assert.equal(report.leftOut.map(({ file }) => file.slice('t-0/'.length)).sort(), [
    '00000000000000000000.log',
    '00000000000000000002.log',
    '00000000000000000003.log.cleaned',
    '00000000000000000009.log.deleted',
  ])
  await log.close()
})

test('directories on their way out, copies on their way in and the names of the log itself stay behind', async () => {
  const hash = '0123456789abcdef0123456789abcdef'
  const source = new KafkaSource()
    .partition('t-0', IDS[0], whole(0))
    .partition(`old-0.${hash}-delete`, IDS[1], whole(0))
    .partition(`t-0.${hash}-future`, IDS[0], whole(0))
    .partition(`lost-3.${hash}-stray`, IDS[2], whole(0))
    .partition('__canary-0', IDS[2], whole(0))
  const { log, report } = await imported(source.disk)
  assert.equal(await log.admin.listTopics(), ['t'])
  assert.equal(
    report.leftOut.map(({ file, isLoss }) => [file, isLoss]),
    [
      [`lost-3.${hash}-stray`, false],
      [`old-0.${hash}-delete`, false],
      [`t-0.${hash}-future`, false],
      ['__canary-*', true],
    ],
  )
  await log.close()
})

test('an open transaction is aborted; one that was decided without its markers ends as it was decided', async () => {
  const transacted = (offset: number, producerId: number) =>
    batch(offset, { values: [`by ${producerId}`], producerId, isTransactional: true })
  const source = new KafkaSource(false)
    .partition('t-0', IDS[0], transacted(0, 5), transacted(1, 6), transacted(2, 7), whole(3))
    .partition('__transaction_state-0', IDS[2], batch(0, transactionStates([5, 1], [6, 2], [7, 3])))
  const { log, report } = await imported(source.disk)
  assert.equal(await seen(log, 't'), ['1:by 6', '3:3'])
  assert.equal(await seen(log, 't', 'read_uncommitted'), ['0:by 5', '1:by 6', '2:by 7', '3:3'])
  assert.equal(
    report.leftOut
      .filter(({ topic }) => topic === 't')
      .map(({ offset, why, isLoss }) => [offset, /committed|aborted/.exec(why)?.[0], isLoss]),
    [
      [0, 'aborted', false],
      [1, 'committed', false],
      [2, 'aborted', false],
    ],
  )
  await log.close()
})

test('a commit that was complete and lost its marker to a power cut is aborted, and reported as a loss', async () => {
  const transacted = (offset: number, producerId: number) =>
    batch(offset, { values: [`by ${producerId}`], producerId, isTransactional: true })
  const source = new KafkaSource(false)
    .partition('t-0', IDS[0], transacted(0, 5), transacted(1, 6), transacted(2, 7))
    .partition('__transaction_state-0', IDS[2], batch(0, transactionStates([5, 4], [6, 5], [7, 1])))
  const { log, report } = await imported(source.disk)
  assert.equal(await seen(log, 't'), [])
  assert.equal(
    report.leftOut.filter(({ topic }) => topic === 't').map(({ offset, isLoss }) => [offset, isLoss]),
    [
      [0, true],
      [1, false],
      [2, false],
    ],
  )
  await log.close()
})

test("Kafka's own word counts: of what it knows to be ended nothing is aborted, though compaction took the marker", async () => {
  const producer = (producerId: number, currentTransactionFirstOffset: number) => {
    const window = { producerId, producerEpoch: 0, coordinatorEpoch: 0, currentTransactionFirstOffset }
    return { ...window, batches: [] }
  }
  const source = new KafkaSource().partition(
    't-0',
    IDS[0],
    batch(0, { values: ['kept'], producerId: 5, isTransactional: true }),
    batch(3, { values: ['open'], producerId: 6, isTransactional: true }),
  )
  const snapshot = encodeProducerSnapshot(kernel, [producer(5, -1), producer(6, 3)])
  source.file('t-0/00000000000000000004.snapshot', snapshot).file('t-0/00000000000000000099.snapshot', snapshot)
  const { log } = await imported(source.disk)
  assert.equal(await seen(log, 't'), ['0:kept'])
  await log.close()
  const damaged = source.file('t-0/00000000000000000004.snapshot', snapshot.slice(0, -1))
  const again = await imported(damaged.disk)
  assert.equal(await seen(again.log, 't'), [], 'without it both are open')
  await again.log.close()
})

test('a transaction after one that lost its marker is aborted with it, which is told: its records were shown', async () => {
  const ended = { producerId: 5, producerEpoch: 0, coordinatorEpoch: 0, currentTransactionFirstOffset: -1, batches: [] }
  const source = new KafkaSource().partition(
    't-0',
    IDS[0],
    batch(0, { values: ['kept'], producerId: 5, isTransactional: true }),
    batch(3, { values: ['undecided'], producerId: 5, isTransactional: true }),
  )
  source.file('t-0/00000000000000000002.snapshot', encodeProducerSnapshot(kernel, [ended]))
  const { log, report } = await imported(source.disk)
  assert.equal(await seen(log, 't'), [])
  assert.equal(
    report.leftOut.map(({ topic, offset, isLoss }) => [topic, offset, isLoss]),
    [['t', 0, true]],
  )
  await log.close()
})

/** Of each producer its state, of Kafka's numbers, with t-0 in its transaction. */
function transactionStates(...states: readonly (readonly [number, number])[]) {
  const keys = states.map(([producerId]) => new BigEndianWriter().int16(0).string(`id-${producerId}`).finish())
  const values = states.map(([producerId, state]) =>
    new BigEndianWriter()
      .int16(0)
      .int64(producerId)
      .int16(0)
      .int32(60_000)
      .int8(state)
      .int32(1)
      .string('t')
      .int32(1)
      .int32(0)
      .int64(TIME)
      .int64(TIME)
      .finish(),
  )
  return { keys, values }
}

test('a record whose offset a flipped bit has moved above the next segment isn’t brought in under that offset', async () => {
  const moved = whole(1)
  moved[6] = 0x40
  const source = new KafkaSource().partition('t-0', IDS[0], whole(0), moved).segment('t-0', 2, whole(2))
  const { report, log } = await imported(source.disk, { leaveOutDamaged: true })
  assert.equal(await seen(log, 't'), ['0:0'])
  const [told] = report.leftOut
  assert.equal([told?.file, told?.position, told?.offset, told?.isLoss], [SEGMENT, whole(0).length, 1, true])
  await log.close()
})

test.run()
