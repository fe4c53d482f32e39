// What judges the real faults finds each wrong: a log that is right, and what somebody was told that isn't so, or a log
// that isn't.
import { mkdtempSync, readdirSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { type EmbeddedLog, open } from '../../bindings/entry/node.ts'
import type { Proof, Told } from './ledger.ts'
import { Verifier } from './verifier.ts'
import { PARTITIONS, TOPICS } from './victim/topics.ts'

const scratch = mkdtempSync(join(tmpdir(), 'oncelog-verifier-'))
test.after(() => rmSync(scratch, { recursive: true, force: true }))
let count = 0

/** Further than the right one goes. */
type More = (log: EmbeddedLog) => Promise<unknown>

async function written(more: More = async () => {}): Promise<string> {
  const directory = join(scratch, `${count++}`)
  const log = await open(directory)
  for (const [name, { partitions, config }] of Object.entries(TOPICS))
    await log.admin.createTopic(name, { partitions, config })
  const producer = log.producer()
  for (let number = 0; number < 6; number++) {
    const [partition, value] = [number % PARTITIONS, `a ${Math.floor(number / PARTITIONS)}`]
    await producer.send({ topic: 'plain', partition, value })
  }
  await producer.send([0, 1].map((partition) => ({ topic: 'both', partition, value: 'a 0' })))
  await copy(log, 2)
  for (const record of [0, 1]) await producer.send({ topic: 'latest', key: 'k', value: `a ${record}.0` })
  await more(log)
  await log.close()
  return directory
}

/** So many records of partition 0, with their offset. */
async function copy(log: EmbeddedLog, size: number, counted = size): Promise<void> {
  const consumer = log.consumer({ groupId: 'copiers', topics: ['plain'] })
  const producer = log.producer({ transactionalId: 'copy' })
  for await (const batch of consumer.batches({ maxRecords: size })) {
    if (batch.partition !== 0) continue
    await producer.transaction(async (transaction) => {
      await transaction.sendOffsets(consumer, batch)
      for (const { value } of batch) await transaction.send({ topic: 'copied', partition: 0, value })
      await transaction.send({ topic: 'counts', partition: 0, value: `${counted}` })
    })
    break
  }
  await consumer.close()
  await producer.close()
}

const send = (topic: string, partition: number, value: string) => (log: EmbeddedLog) =>
  log.producer().send({ topic, partition, value })

async function copyWithoutOffset(log: EmbeddedLog): Promise<void> {
  const producer = log.producer({ transactionalId: 'copy' })
  await producer.transaction(async (transaction) => {
    await transaction.send({ topic: 'copied', partition: 0, value: 'a 2' })
    await transaction.send({ topic: 'counts', partition: 0, value: '1' })
  })
  await producer.close()
}

const RIGHT: readonly Told[] = [
  { at: 'plain', partition: 0, offset: 0, value: 'a 0', how: 'power' },
  { at: 'plain', partition: 1, offset: 2, value: 'a 2', how: 'seen' },
  { transaction: 'a 0' },
  { key: 'k', value: 'a 0.0' },
]

async function violations(
  directory: string,
  told: readonly Told[],
  proofs: readonly Proof[] = ['process', 'power', 'seen'],
): Promise<string> {
  const verifier = new Verifier(proofs)
  for (const name of ['a', 'b']) verifier.started(name)
  for (const each of [...RIGHT, ...told]) verifier.take(each)
  await verifier.check(directory)
  await verifier.checkAll(directory)
  return verifier.violations.join('\n')
}

test('a log that has what it told has no violation', async () => {
  assert.is(await violations(await written(), []), '')
})

test('what may be gone: a record of another proof than the one that is asked for, and one whose send was refused', async () => {
  const gone: Told = { at: 'plain', partition: 0, offset: 3, value: 'a 3', how: 'process' }
  assert.is(await violations(await written(), [gone], ['power', 'seen']), '')
  const unsent: Told = { unsent: 'plain', partition: 0, value: 'a 3' }
  assert.is(await violations(await written(send('plain', 0, 'a 4')), [unsent]), '')
})

test('a record that was there at one look and is gone at the last', async () => {
  const verifier = new Verifier(['power'])
  verifier.started('a')
  verifier.take({ at: 'plain', partition: 0, offset: 3, value: 'a 3', how: 'power' })
  await verifier.check(await written(send('plain', 0, 'a 3')))
  assert.equal(verifier.violations, [])
  await verifier.checkAll(await written())
  assert.equal(verifier.violations, ['plain/0/a 3 was acknowledged or seen, and is lost'])
})

test('damage that the open tells', async () => {
  const directory = await written()
  for (const name of readdirSync(join(directory, 'journal'))) {
    if (name.endsWith('.ring')) rmSync(join(directory, 'journal', name))
  }
  assert.match(await violations(directory, []), /^damage in journal/)
})

const told: readonly (readonly [what: string, Told, RegExp])[] = [
  ['a record that is lost', { at: 'plain', partition: 0, offset: 3, value: 'a 3', how: 'power' }, /a 3 was ack.* lost/],
  ['one at another offset', { at: 'plain', partition: 0, offset: 0, value: 'a 1', how: 'seen' }, /at 0, is at 1/],
  ['two offsets', { at: 'plain', partition: 0, offset: 1, value: 'a 0', how: 'seen' }, /was told to be at 0, and at 1/],
  ['a transaction that is lost', { transaction: 'a 1' }, /the transaction .*a 1 was acknowledged and is lost/],
  ['a key without its newest record', { key: 'k', value: 'a 1.1' }, /key k has a 1\.0, not a 1\.1/],
  ['a key with one of an earlier process', { key: 'k', value: 'b 0.0' }, /key k has a 1\.0, not b 0\.0/],
  ['a group that is behind', { committed: 1, partition: 0 }, /GROUP_ID_NOT_FOUND|the readers are at 0/],
]

for (const [what, wrong, expected] of told) {
  test(`told: ${what}`, async () => {
    const found = await violations(await written(), [wrong]).catch(
      (error: unknown) => `${(error as { code: string }).code}`,
    )
    assert.match(found, expected)
  })
}

const logs: readonly (readonly [what: string, More, RegExp])[] = [
  ['a record twice', send('plain', 0, 'a 2'), /a 2 where number 3 is due/],
  ['a hole', send('plain', 0, 'a 4'), /a 4 where number 3 is due/],
  ['half of a transaction', send('both', 1, 'a 1'), /half of the transaction a 1/],
  ['a copy twice', send('copied', 0, 'a 1'), /copy 2 of partition 0 is a 1, not a 2/],
  ['a copy without its offset', send('copied', 1, 'a 0'), /transactions copied 0 records of partition 1, there are 1/],
  [
    'a copy whose offset was not committed',
    copyWithoutOffset,
    /the group is at 2 of partition 0, behind 2 records, with 3 copies/,
  ],
  ['a transaction in part', (log) => copy(log, 1, 2), /transactions copied 4 records of partition 0, there are 3/],
]

for (const [what, more, expected] of logs) {
  test(`a log with ${what}`, async () => {
    assert.match(await violations(await written(more), []), expected)
  })
}

test.run()
