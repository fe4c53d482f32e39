import type { GroupEntry } from '../../../bindings/coordinator/group/group-entry.ts'
import {
  decodeGroupRecord,
  encodeGroup,
  encodeGroupTombstone,
} from '../../../bindings/coordinator/group/group-record.ts'
import { encodeOffsetCommit, encodeOffsetTombstone } from '../../../bindings/coordinator/group/offset-record.ts'
import { decodeShareRecord, encodeShareSnapshot } from '../../../bindings/coordinator/share/share-record.ts'
import type { TransactionEntry } from '../../../bindings/coordinator/transaction/transaction-entry.ts'
import {
  decodeTransactionRecord,
  encodeTransaction,
  encodeTransactionTombstone,
} from '../../../bindings/coordinator/transaction/transaction-record.ts'
import { decodeCatalogueRecord, encodeCatalogueEntry } from '../../../bindings/log/catalogue/catalogue-codec.ts'
import type { CatalogueEntry } from '../../../bindings/log/catalogue/catalogue-entry.ts'
import type { TableRecord, TableRecordPlace } from '../../../bindings/log/catalogue/table-record.ts'
import { type Bytes, type FuzzTarget, Refused, sameJson, viewOf } from '../target.ts'

const PLACE: TableRecordPlace = { topic: '__table', partition: 0, offset: 5, file: '__table-0/5.log', position: 0 }
const TOPIC_ID = 'AAAAAAAAAAAAAAAAAAAABA'
const NULL = 0xffff

/** Key and value after their lengths; headers are those of an offset. */
function bytesOf({ key, value }: TableRecord): Bytes {
  const parts = [key, value].map((part) => {
    const bytes = new Uint8Array(2 + (part?.length ?? 0))
    viewOf(bytes).setUint16(0, part?.length ?? NULL)
    bytes.set(part ?? [], 2)
    return bytes
  })
  return new Uint8Array(parts.flatMap((part) => [...part]))
}

function recordOf(bytes: Bytes): TableRecord {
  const view = viewOf(bytes)
  const parts: (Bytes | null)[] = []
  for (let at = 0; parts.length < 2; ) {
    if (at + 2 > bytes.length) {
      parts.push(null)
      continue
    }
    const length = view.getUint16(at)
    parts.push(length === NULL ? null : bytes.slice(at + 2, at + 2 + length))
    at += 2 + (length === NULL ? 0 : length)
  }
  const headers = [['topicId', new TextEncoder().encode(TOPIC_ID)] as const]
  return { key: parts[0] ?? null, value: parts[1] ?? null, headers, timestamp: 1 }
}

interface Table<Entry> {
  readonly name: string
  readonly whole: readonly TableRecord[]
  decode(record: TableRecord, place: TableRecordPlace): Entry | undefined
  encode(entry: Entry): TableRecord
}

/** What is read is written again and read again: the same. Of two forms of one thing the written one counts. */
export function tableTarget<Entry>({ name, whole, decode, encode }: Table<Entry>): FuzzTarget {
  return {
    name,
    share: 30,
    whole: whole.map(bytesOf),
    take(bytes) {
      const entry = decode(recordOf(bytes), PLACE)
      if (entry === undefined) throw new Refused('a kind of record that is passed over')
      sameJson(decode(encode(entry), PLACE), entry, 'read again')
    },
  }
}

const offsetPlace = { groupId: 'g', topicId: TOPIC_ID, topic: 'pay', partition: 3 }
const member = { memberId: 'm', clientId: 'c', topics: ['pay', 'ä'], maxPollIntervalMs: 9 }
const group = { groupId: 'g', generation: 4, stateTimestamp: 2 ** 41, assignor: 'range', leaderId: 'm' }

export const groupTable: Table<GroupEntry> = {
  name: 'records of groups',
  whole: [
    encodeOffsetCommit({
      ...offsetPlace,
      nextOffset: 2 ** 33,
      leaderEpoch: -1,
      metadata: 'm',
      commitTimestamp: 2 ** 41,
    }),
    encodeOffsetTombstone(offsetPlace),
    encodeGroup({
      kind: 'group-stored',
      ...group,
      members: [{ ...member, assignment: [{ topic: 'pay', partition: 1 }] }],
    }),
    encodeGroupTombstone('g', 1),
  ],
  decode: decodeGroupRecord,
  encode(entry) {
    if (entry.kind === 'offset-committed') return encodeOffsetCommit(entry.offset)
    if (entry.kind === 'offset-removed') return encodeOffsetTombstone(entry)
    return entry.kind === 'group-stored' ? encodeGroup(entry) : encodeGroupTombstone(entry.groupId, 1)
  },
}

const transaction = {
  ...{ kind: 'transaction-stored' as const, transactionalId: 'id', producerId: 7, producerEpoch: 2, timeoutMs: 60_000 },
  ...{ lastUpdateMs: 2 ** 41, startMs: 2 ** 40, previousProducerId: -1 },
}

export const transactionTable: Table<TransactionEntry> = {
  name: 'records of transactions',
  whole: [
    encodeTransaction({ ...transaction, state: 'Ongoing', partitions: [{ topic: 'pay', partition: 1 }] }),
    encodeTransaction({ ...transaction, state: 'PrepareCommit', partitions: [], previousProducerId: 5 }),
    encodeTransaction({ ...transaction, state: 'Empty', partitions: [] }),
    encodeTransactionTombstone('id', 1),
  ],
  decode(record, place) {
    const entry = decodeTransactionRecord(record, place)
    // An empty one is written without partitions, and nobody asks for them.
    return entry?.kind === 'transaction-stored' && entry.state === 'Empty' ? { ...entry, partitions: [] } : entry
  },
  encode: (entry) =>
    entry.kind === 'transaction-stored'
      ? encodeTransaction(entry)
      : encodeTransactionTombstone(entry.transactionalId, 1),
}

const sharePlace = { groupId: 'g', topicId: TOPIC_ID, partition: 1 }
const shareBatch = { firstOffset: 5, lastOffset: 8, state: 'available' as const, deliveryCount: 2 }

export const shareTable: Table<Exclude<ReturnType<typeof decodeShareRecord>, undefined>> = {
  name: 'records of share groups',
  whole: [
    encodeShareSnapshot({ ...sharePlace, state: { startOffset: 5, batches: [shareBatch] } }),
    encodeShareSnapshot({ ...sharePlace, state: undefined }),
  ],
  decode: decodeShareRecord,
  encode: encodeShareSnapshot,
}

const catalogueEntries: readonly CatalogueEntry[] = [
  { kind: 'topic-created', topicId: TOPIC_ID, name: 'pay', partitions: 4, config: { 'segment.bytes': 500 } },
  { kind: 'topic-deleted', topicId: TOPIC_ID, name: 'pay', partitions: 4 },
  { kind: 'partitions-added', topicId: TOPIC_ID, partitions: 9 },
  { kind: 'config-changed', topicId: TOPIC_ID, config: { 'cleanup.policy': 'compact' } },
  { kind: 'log-start-moved', topicId: TOPIC_ID, partition: 2, logStartOffset: 2 ** 40 },
]

export const catalogueTable: Table<CatalogueEntry> = {
  name: 'records of the catalogue',
  whole: catalogueEntries.map(encodeCatalogueEntry),
  decode: decodeCatalogueRecord,
  encode: encodeCatalogueEntry,
}

export function tableTargets(): readonly FuzzTarget[] {
  return [tableTarget(catalogueTable), tableTarget(groupTable), tableTarget(transactionTable), tableTarget(shareTable)]
}
