import type { Kernel } from '../../kernel/kernel.ts'
import { LogError } from '../../model/errors.ts'
import { directorySync, flushOf, perform, performAll, type Task } from '../../storage/effect.ts'
import type { FileStore } from '../../storage/file-store.ts'
import { createFile } from '../../storage/open-file.ts'
import { ByteWriter } from '../bytes/byte-writer.ts'
import {
  CHECKPOINT_DIRECTORY,
  encodeCheckpointFile,
  placeAfter,
  placeCheckpointFile,
  readCheckpoints,
} from '../checkpoint/checkpoint-file.ts'
import { type CheckpointFacts, writeFacts } from '../checkpoint/checkpoint-record.ts'
import { META_PROPERTIES, parsePartitionDirectory } from '../files/file-names.ts'
import { type JournalHeader, writeHeader } from '../journal/header.ts'
import type { JournalOptions } from '../journal/journal.ts'
import { HEADER_FILE, JOURNAL_DIRECTORY } from '../journal/layout.ts'
import { Ring } from '../journal/ring.ts'
import type { Recovered } from '../recovery/recovered.ts'
import { SetAside } from '../recovery/set-aside.ts'
import { assertNoUnfinishedCopy } from './unfinished-copy.ts'

const NONCE_LIMIT = 2 ** 48
/** Where a log's first checkpoint stands. */
const FIRST_PLACE = 0

/** Where a journal is made, and of which size. */
export interface NewJournal {
  readonly store: FileStore
  readonly kernel: Kernel
  readonly options: JournalOptions & { readonly random: () => number }
}

/**
 * Makes a new log, which is in use at once. It is empty, so nothing of it is read: this returns the state that its
 * opening goes on from.
 */
export function* createJournal({ store, kernel, options }: NewJournal): Task<Recovered> {
  yield* refuseForeign(store, kernel)
  const facts = { generation: 0, leaderEpoch: 0, producerIdsEnd: 0 }
  const header = yield* placeJournal({ store, kernel, options }, facts, [])
  return {
    clean: true,
    needsRing: true,
    header,
    checkpointSequence: header.checkpointSequence,
    nextCheckpointPlace: placeAfter(FIRST_PLACE),
    coveredSequence: 0,
    producerIdsEnd: facts.producerIdsEnd,
    partitions: [],
    noted: new Map(),
    replayedFrames: 0,
    skippedBatches: 0,
    setAside: new SetAside(store, 0),
    damage: [],
    readOnly: false,
  }
}

/**
 * Writes a checkpoint with these partitions and a zeroed ring, both durable, and last the header, which makes the
 * directory a log that is in use. A crash before the header leaves files that the next open replaces, or refuses if
 * there are partitions beside them.
 */
export function* placeJournal(
  { store, kernel, options }: NewJournal,
  facts: Pick<CheckpointFacts, 'generation' | 'leaderEpoch' | 'producerIdsEnd'>,
  partitions: readonly Uint8Array[],
): Task<JournalHeader> {
  const writer = new ByteWriter()
  const nonce = Math.floor(options.random() * NONCE_LIMIT)
  const { generation, leaderEpoch, producerIdsEnd } = facts
  const counted = { generation, leaderEpoch, producerIdsEnd, partitionCount: partitions.length }
  const first = { nonce, sequence: 1, coveredSequence: 0, ...counted }
  writeFacts(writer, first)
  for (const bytes of partitions) writer.raw(bytes)
  const files = [yield* placeCheckpointFile(store, FIRST_PLACE, encodeCheckpointFile(writer.bytes, kernel))]
  try {
    const indexes = Array.from({ length: options.ringFiles }, (_, index) => index)
    for (const { file } of yield* Ring.makeFiles(store, indexes, options.ringFileBytes)) files.push(file)
    const directories = [CHECKPOINT_DIRECTORY, JOURNAL_DIRECTORY, '']
    // The header makes the directory a log, so everything that it relies on has to be durable and have durable entries
    // before.
    yield* performAll([...files.map(flushOf), ...directories.map((each) => directorySync(store, each))])
  } finally {
    for (const file of files) file.close()
  }
  const header: JournalHeader = {
    sequence: 2,
    generation: generation + 1,
    leaderEpoch,
    ringFileBytes: options.ringFileBytes,
    nonce,
    clean: false,
    checkpointSequence: first.sequence,
  }
  const file = yield* createFile(store, HEADER_FILE)
  try {
    // Both places get it, so that damage to one of them never loses the log.
    for (const sequence of [1, header.sequence]) writeHeader(file, { ...header, sequence }, kernel)
    // A crash may leave the file's entry without its content, which is no header.
    yield* performAll([flushOf(file), directorySync(store, JOURNAL_DIRECTORY)])
  } finally {
    file.close()
  }
  return header
}

/**
 * Refuses a directory that has partitions or later checkpoints and no header: a log that lost it, or somebody else's
 * directory. So is a broker's that has no partition yet: it would take the log's for its own. Nothing in it is touched.
 */
function* refuseForeign(store: FileStore, kernel: Kernel): Task<void> {
  yield* assertNoUnfinishedCopy(store, kernel)
  const names = yield* perform('list', '', () => store.list(''))
  const partition = names.find((name) => parsePartitionDirectory(name) !== undefined)
  const [newest] = yield* readCheckpoints(store, kernel, undefined)
  const isBroker = names.includes(META_PROPERTIES)
  if (partition === undefined && !isBroker && (newest?.record.sequence ?? 0) <= 1) return
  const found = partition ?? (isBroker ? META_PROPERTIES : 'checkpoint')
  const message = isBroker
    ? `the directory is a Kafka broker's (${META_PROPERTIES}): \`oncelog import\` makes a log of it`
    : `the directory holds ${found} but no readable ${HEADER_FILE}`
  throw new LogError('CORRUPT_LOG', message, { file: HEADER_FILE, position: 0, found })
}
