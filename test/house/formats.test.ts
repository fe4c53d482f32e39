/**
 * docs/formats.md says what the code does: each version that it names stands where it says, and what a newer one leads
 * to is tried, with a log whose files are of the next version.
 */
import { readFileSync } from 'node:fs'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { decodeGroupRecord, encodeGroup } from '../../bindings/coordinator/group/group-record.ts'
import { decodeKafkaOffset } from '../../bindings/coordinator/group/kafka-offset.ts'
import { encodeOffsetCommit } from '../../bindings/coordinator/group/offset-record.ts'
import { decodeShareRecord, encodeShareSnapshot } from '../../bindings/coordinator/share/share-record.ts'
import {
  decodeTransactionRecord,
  encodeTransaction,
} from '../../bindings/coordinator/transaction/transaction-record.ts'
import { decodeCatalogueRecord, encodeCatalogueEntry } from '../../bindings/log/catalogue/catalogue-codec.ts'
import type { TableRecord } from '../../bindings/log/catalogue/table-record.ts'
import { LogError } from '../../bindings/model/errors.ts'
import type { DirectoryImage } from '../damage/directory-image.ts'
import { fixtures, openSmall } from '../damage/fixture.ts'
import { asNewerVersion } from '../damage/newer-version.ts'
import { observe } from '../damage/observe.ts'
import { transactionFixtures } from '../damage/transactions-fixture.ts'

interface Row {
  readonly what: string
  readonly written: string
  readonly newer: string
  readonly source: string
  readonly text: string
}

const page = readFileSync('docs/formats.md', 'utf8')
const rows = page
  .split('\n')
  .map((line) => line.split('|').map((cell) => cell.trim()))
  .filter((cells) => cells.length >= 6 && cells[1] !== 'what' && cells[1] !== '---')
  .map((cells): Row => {
    const [source = '', text = ''] = [...(cells.at(-2) ?? '').matchAll(/`([^`]*)`/g)].map(([, each]) => each ?? '')
    return { what: cells[1] ?? '', written: cells[2] ?? '', newer: cells.at(-3) ?? '', source, text }
  })

test('every row names what its source has, and that is the version that it says is written or read', () => {
  assert.ok(rows.length >= 23, `${rows.length} rows`)
  for (const { what, written, source, text } of rows) {
    const code = readFileSync(source.startsWith('assembly/') ? source : `bindings/${source}`, 'utf8')
    const at = code.indexOf(text)
    assert.ok(at >= 0, `${what}: ${source} has no ${text}`)
    assert.not(/\d/.test(code[at + text.length] ?? ''), `${what}: ${source} has more than ${text}`)
    const [newest] = text.match(/\d+(?=\D*$)/) ?? []
    const isNamed = written === 'no version' || newest === undefined || written.split(/\D+/).includes(newest)
    assert.ok(isNamed, `${what}: ${written}, and ${text}`)
  }
})

test('the changelog names the versions that the page does', () => {
  const named = /journal (\d+), checkpoint (\d+).*, catalogue (\d+)\.[\s\S]*protocol (\d+)\./
  const [, ...versions] = named.exec(readFileSync('CHANGELOG.md', 'utf8')) ?? []
  const written = ['journal: ', 'checkpoint', '`__oncelog_catalogue`', 'protocol of attached'].map((what) => {
    return rows.find((row) => row.what.startsWith(what))?.written
  })
  assert.equal(versions, written)
})

/** Of the page: the error's code, or how it goes on. */
function saidOf(what: string): string {
  const newer = rows.find((each) => each.what === what)?.newer ?? 'no such row'
  return /^`([\w.]+)`/.exec(newer)?.[1] ?? newer
}

const place = { topic: '__x', partition: 0, offset: 0 }
const topicId = 'aaaaaaaaaaaaaaaaaaaaaQ'
const offset = {
  ...{ groupId: 'g', topicId, topic: 't', partition: 0, nextOffset: 1 },
  ...{ leaderEpoch: -1, metadata: '', commitTimestamp: 0 },
}

/** The two bytes of the version are the first of keys and values. */
function raised(record: TableRecord, part: 'key' | 'value', to?: number): TableRecord {
  const bytes = Uint8Array.from(record[part] ?? [])
  const view = new DataView(bytes.buffer)
  view.setInt16(0, to ?? view.getInt16(0) + 1)
  return { ...record, [part]: bytes }
}

/** The code, or "passed over, see below" where nothing comes out. */
function outcome(decode: () => unknown): string {
  try {
    return decode() === undefined ? 'passed over, see below' : 'read'
  } catch (error) {
    if (!LogError.is(error)) throw error
    return error.code
  }
}

test('records of the log’s own topics', () => {
  const noMembers = { generation: 1, stateTimestamp: 0, assignor: null, leaderId: null, members: [] }
  const group = encodeGroup({ kind: 'group-stored', groupId: 'g', ...noMembers })
  const commit = encodeOffsetCommit(offset)
  const begun = { producerId: 1, producerEpoch: 0, timeoutMs: 1, state: 'Empty', partitions: [] } as const
  const times = { lastUpdateMs: 0, startMs: -1, previousProducerId: -1 }
  const transaction = encodeTransaction({ kind: 'transaction-stored', transactionalId: 'x', ...begun, ...times })
  const share = encodeShareSnapshot({ groupId: 's', topicId, partition: 0, state: { startOffset: 0, batches: [] } })
  const topic = encodeCatalogueEntry({ kind: 'topic-created', topicId, name: 't', partitions: 1, config: {} })
  const catalogue = {
    ...topic,
    value: Buffer.from(
      Buffer.from(topic.value ?? [])
        .toString()
        .replace('"version":1', '"version":2'),
    ),
  }
  const said: readonly [string, () => unknown][] = [
    ['__oncelog_catalogue`, records of topics', () => decodeCatalogueRecord(catalogue, place)],
    // Version 2 of a key is that of a group, so 3 is the first unknown one.
    ['__consumer_offsets`, key of an offset', () => decodeGroupRecord(raised(commit, 'key', 3), place)],
    ['__consumer_offsets`, value of an offset', () => decodeGroupRecord(raised(commit, 'value'), place)],
    ['__consumer_offsets`, key of a group', () => decodeGroupRecord(raised(group, 'key'), place)],
    ['__consumer_offsets`, value of a group', () => decodeGroupRecord(raised(group, 'value'), place)],
    ['__transaction_state`, key', () => decodeTransactionRecord(raised(transaction, 'key'), place)],
    ['__transaction_state`, value', () => decodeTransactionRecord(raised(transaction, 'value'), place)],
  ]
  for (const [what, decode] of said) assert.is(outcome(decode), saidOf(`\`${what}`), what)
  assert.is(
    outcome(() => decodeShareRecord(raised(share, 'key'), place)),
    saidOf('share groups, key'),
  )
  assert.is(
    outcome(() => decodeShareRecord(raised(share, 'value'), place)),
    saidOf('share groups, value'),
  )
  assert.is(
    outcome(() => decodeKafkaOffset(raised(commit, 'value', 5), place)),
    saidOf('`__consumer_offsets`, values'),
  )
})

/** A log whose files of one kind are all of the next version. */
function newer(image: DirectoryImage, isOf: (path: string) => boolean): DirectoryImage {
  const copy = image.fork()
  let count = 0
  for (const path of copy.paths.filter(isOf)) {
    const bytes = asNewerVersion(path, copy.files.get(path)?.bytes() ?? new Uint8Array())
    if (bytes === undefined) continue
    count++
    copy.files.get(path)?.write(bytes, 0)
  }
  assert.ok(count > 0, 'there is none')
  return copy
}

const [closed, killed] = (await fixtures(1, openSmall)).map(({ image }) => image) as [DirectoryImage, DirectoryImage]
const [withAborts] = (await transactionFixtures(1, openSmall)).map(({ image }) => image) as [DirectoryImage]

async function codes(image: DirectoryImage): Promise<string[]> {
  return [...new Set((await observe(image)).told.map(({ code }) => code))]
}

test('files that say their version: what is vouched for by nothing else is refused', async () => {
  assert.equal(await codes(newer(closed, (path) => path === 'journal/header')), [saidOf('journal: header and frames')])
  assert.equal(await codes(newer(closed, (path) => path.startsWith('checkpoint/'))), [saidOf('checkpoint')])
  assert.equal(await codes(newer(closed, (path) => path === 'pay-0/00000000000000000000.log')), [
    saidOf("`.log`, batches (Kafka's magic)"),
  ])
  assert.is(saidOf('`partition.metadata`'), 'recovery.damage')
  assert.equal(await codes(newer(killed, (path) => path === 'pay-0/partition.metadata')), [
    'reported: names another topic id',
  ])
})

test('files that are made again: nothing is told, and all reads as before', async () => {
  for (const [what, ending] of [
    ['`.txnindex`', '.txnindex'],
    ['`.snapshot`, producers at a roll', '.snapshot'],
    ['`leader-epoch-checkpoint`', 'leader-epoch-checkpoint'],
  ]) {
    assert.match(saidOf(what ?? ''), /^made again/)
    const image = ending === '.txnindex' ? withAborts : closed
    const before = await observe(image.fork())
    const after = await observe(newer(image, (path) => path.endsWith(ending ?? '')))
    assert.equal([...after.facts], [...before.facts], what)
    assert.equal(after.told, [], what)
  }
})

test.run()
