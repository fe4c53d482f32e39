/** Where a known fault, a behaviour of Kafka's tests or a sentence of the contract shows. */
export interface Row {
  /** As it is known elsewhere, or the sentence. */
  readonly source: string
  /** Below test/; `undefined` for what isn't there, or can't be. */
  readonly file: string | undefined
  /** The beginning of the test's title; else why there is none. */
  readonly title: string
}

const regressions = 'regressions/transactions.test.ts'
const idempotence = 'regressions/idempotence.test.ts'
const records = 'regressions/records.test.ts'
const segments = 'regressions/segments.test.ts'
const compacted = 'regressions/compaction.test.ts'
const sentences = 'regressions/contract.test.ts'
const delivery = 'regressions/groups.test.ts'
const rolls = 'log/segment/roll.test.ts'
const engine = 'engine/transactions.test.ts'
const table = 'coordinator/transaction/transactions.test.ts'
const groups = 'coordinator/group/groups.test.ts'
const windows = 'kernel/producers.test.ts'
const aborted = 'log/segment/aborted.test.ts'
const snapshots = 'log/store/derived-files.test.ts'
const members = 'client/group-members.test.ts'
const contract = 'client/transaction.test.ts'
const offsets = 'client/transaction-offsets.test.ts'
const consumer = 'client/consumer.test.ts'
const commit = 'client/commit.test.ts'
const producer = 'client/producer.test.ts'
const queue = 'client/producer-queue.test.ts'
const topics = 'client/topic.test.ts'
const compaction = 'log/compaction/random.test.ts'

function row(source: string, file: string | undefined, title: string): Row {
  return { source, file, title }
}

/** Faults that transactions of Kafka and its relatives had. */
export const FAULTS: readonly Row[] = [
  row('delayed EndTxn hits the next transaction (KIP-890, Bufstream)', regressions, 'a delayed '),
  row(
    'record after the abort, readers stuck (KIP-890, apache/kafka#12392)',
    regressions,
    'a record that comes after its',
  ),
  row(
    'commit racing the timeout (KAFKA-20785, apache/kafka#23204)',
    regressions,
    "a commit that races the clock's abort",
  ),
  row('the same, a record instead of its end', regressions, 'a delayed record of a transaction does not join'),
  row('epochs overflow (KAFKA-18660)', regressions, 'after the last epoch another producer id follows'),
  row(
    'retry of that after a fail-over (KAFKA-20357, apache/kafka#22096)',
    regressions,
    'after the last epoch another producer id follows',
  ),
  row(
    'EndTxn while the last one completes (ydb-platform/ydb#52731)',
    regressions,
    'the end of a transaction asked twice',
  ),
  row(
    'aborted index in the order of aborts (confluentinc/kafka#145)',
    regressions,
    'aborted transactions that overlap',
  ),
  row('LSO from the wrong index (redpanda-data/redpanda#11309)', regressions, 'aborted transactions that overlap'),
  row('compaction drops abort markers (kafka4beam/brod#329)', compaction, 'a reader sees the newest record'),
  row('control batch compacted away (redpanda#13687)', compaction, 'a reader sees the newest record'),
  row(
    'a slow abort leaks to committed readers (streamnative/kop#1283)',
    regressions,
    'a reader sees nothing of an abort',
  ),
]

/** By the numbers of kafka.md section 8. */
export const BEHAVIOURS: readonly Row[] = [
  row('1 testInvalidCrc', 'kernel/kernel.spec.test.ts', 'one flipped bit anywhere in a batch is found'),
  row(
    '2 testInvalidRecordCountTooMany, TooLittle',
    'compression/producing.test.ts',
    'a compressed batch that its readers could not read is refused',
  ),
  row('3 testControlRecordsNotAllowedFromClients', undefined, 'no call makes a control batch but the coordinator’s'),
  row('4 testBatchWithoutRecordsNotAllowed', records, 'a batch without records is refused'),
  row('5 testInvalidRecordExceptionHasBatchIndex', records, 'one record of three without a key'),
  row('6 testRecordWithPastTimestampIsRejected', records, 'limits of a record’s time hold to the millisecond'),
  row('7 LogValidatorTest, LogAppendTime', records, 'LogAppendTime: bit 3'),
  row('8 sequences of a batch wrap', windows, 'sequences wrap from 2147483647 to 0'),
  row('9 compression_test', 'compression/kafka-fixtures.test.ts', 'every batch says the same records'),
  row('10 testMessageSizeCheck, testMessageSetSizeCheck', records, 'max.message.bytes and segment.bytes bound a batch'),
  row('11 testDuplicateAppends', idempotence, 'six single batches and one of three'),
  row('12 an exact repeat among the last five', windows, 'each of the five newest batches is a duplicate'),
  row('12 the same over a crash, and older ones', idempotence, 'each of the last five batches of a producer is known'),
  row('13 a partial overlap', windows, 'gaps and partial overlaps are out of order'),
  row('14 testMultipleProducersWithDuplicatesInSingleAppend', idempotence, 'several producers between each other'),
  row('14 the same in one append', idempotence, 'the same in one commit'),
  row('15 testProducerSequenceWrapAround', idempotence, 'after sequence 2147483647 comes 0, and 1 is a gap'),
  row('16 testAllowNonZeroSequenceOnFirstAppendNonZeroEpoch', idempotence, 'an unknown producer may begin anywhere'),
  row('17 testOldProducerEpoch', idempotence, 'an older epoch is refused'),
  row('18 testOutOfSequenceAfterControlRecordEpochBump', idempotence, 'a marker raises the epoch'),
  row(
    '19 testPidExpirationTimeout',
    'engine/producer-expiry.test.ts',
    'a day after its last batch a producer is forgotten',
  ),
  row(
    '19 testProducersWithOngoingTransactionsDontExpire',
    'engine/producer-expiry.test.ts',
    'a producer with an open transaction stays',
  ),
  row('20 testLoadFromCorruptSnapshotFile', idempotence, 'a snapshot that is lost, empty, cut or wrong'),
  row('21 testRecoverFromSnapshotUnfinishedTransaction', engine, 'after a clean close an open transaction goes on'),
  row('22 testTruncateAndReloadRemovesOutOfRangeSnapshots', idempotence, 'snapshots outside of the log go'),
  row(
    '23 testProducerSnapshotAfterSegmentRollOnAppend',
    snapshots,
    'a close leaves a snapshot at the base of each segment',
  ),
  row(
    '24 testLogRecoversToCorrectOffset',
    'log/segment/segment.test.ts',
    'an index continued after a crash is the same as one never interrupted',
  ),
  row(
    '24 a recovery point that only a flush moves',
    'simulation/untouched.test.ts',
    'what an earlier recovery put back is durable by the next clean close',
  ),
  row('25 testCorruptLog, testRecoveryWithCorruptMessage', segments, 'random bytes after the last batch are cut'),
  row(
    '25 later segments',
    'damage/past-the-end.test.ts',
    'a recovery that closes a segment sets aside and cuts what a torn write left',
  ),
  row(
    '26 testIndexRebuild, testCorruptIndexRebuild',
    'log/segment/segment.test.ts',
    'missing, emptied, truncated, lengthened or foreign index files change nothing',
  ),
  row('27 testBogusIndexSegmentsAreRemoved', segments, 'index files without a segment count for nothing'),
  row('28 testFullTransactionIndexRecovery', aborted, 'a lost, torn, damaged or foreign file is learned again'),
  row(
    '29 testRecoveryAfterCrash, DuringSplitPhase1-5',
    'simulation/compaction.heavy.test.ts',
    'whenever the power goes while a log is compacted',
  ),
  row('30 testLogEndLessThanStartAfterReopen', segments, 'a log start beyond what a crash left'),
  row('31 testCleanShutdownFile', segments, 'after a clean stop no recovery runs'),
  row('32 testOverCompactedLogRecovery', rolls, 'offsets more than 2^31 apart roll'),
  row('33 testTimeBasedLogRollDuringAppend', rolls, 'segment.ms passed by record time rolls at the next batch'),
  row('33 testTimeBasedLogRollJitter', undefined, 'there is no segment.jitter.ms'),
  row('34 testReadAtLogGap, testReadFromGap', segments, 'an offset in a gap, or at one that only markers fill'),
  row('35 shouldDelete*, by size', 'log/kept-from.test.ts', 'by size: as many as leave no less'),
  row('35 shouldDelete*, by time', 'log/kept-from.test.ts', 'by time: those whose newest record is older'),
  row('35 the start moves first', 'engine/delete-records.test.ts', 'files go when their checkpoint is there'),
  row(
    '35 testCannotDeleteSegmentsAtOrAboveHighWatermark',
    'log/kept-from.test.ts',
    'records that are not visible or not decided stay',
  ),
  row('36 testFindOffsetByTimestamp', segments, 'the first record at or after a time'),
  row('36 testFetchOffsetByTimestampWithMaxTimestamp', undefined, 'nobody can ask for the greatest time'),
  row('37 testBasicTransactions', engine, 'records in several partitions become visible together'),
  row('38 testReadCommittedConsumerShouldNotSeeUndecidedData', engine, 'nobody reads past an open transaction'),
  row('39 testDelayedFetchIncludesAbortedTransaction', regressions, 'two transactions between each other'),
  row('40 testAbortedTransactionSpanningMultipleSegments', regressions, 'an aborted transaction over several segments'),
  row('41 testLastStableOffsetWithMixedProducerData', engine, 'the older of two decided'),
  row(
    '42 testZombieCoordinatorFenced',
    undefined,
    'one process holds partitions and coordinator: no marker comes from elsewhere',
  ),
  row('43 testSkipEmptyTransactions', regressions, 'a transaction with nothing in it leaves no marker'),
  row('44 testAppendToTransactionIndexFailure', aborted, 'a lost, torn, damaged or foreign file is learned again'),
  row(
    '45 testFencingOnCommit, OnSend, OnAddPartitions, OnSendOffsets',
    regressions,
    'an older instance is fenced at each of its calls',
  ),
  row('46 testFencingOnTransactionExpiration', engine, 'the clock aborts what takes too long'),
  row('47 testSendOffsetsWithGroupId', regressions, 'offsets of an abort are gone for good'),
  row(
    '48 testFetchOffsetsWithPendingTransactionalOffsets',
    offsets,
    'a member that joins waits for offsets that are not decided',
  ),
  row('49 testReplayTransactionEndMarkerKeepsTheMostRecent...', engine, 'a later plain commit wins'),
  row('50 coordinator load, TransactionsBounceTest', regressions, 'a crash before each operation of a '),
  row('51 TestTxnEndTxnTV2Retry', engine, 'a commit whose answer was lost is answered again'),
  row('51 TV2RetryMismatchedDirection', regressions, 'a repeat of an end with the opposite result'),
  row('52 shouldGenerateNewProducerIdIfEpochsExhausted', table, 'epochs run out: a new producer id'),
  row('53 shouldNotRepeatedlyBumpEpoch, testFailureToFenceEpoch', regressions, 'a fence costs one epoch'),
  row('54 testEnablingVerificationWhenRequestIsAtLogLayer', engine, 'an append needs an open transaction'),
  row('55 TestTxnEndTxnTV2EmptyAbortBumpsEpoch', table, 'without an open transaction an append and a commit'),
  row('56 testNonTransactionalAppendWithOngoingTransaction', engine, 'a send outside the transaction of its producer'),
  row('57 testCleanSegments', compacted, 'the newest of each key stays, at its offset'),
  row('58 testCleanTombstone', compacted, 'a tombstone stays with the first pass and goes a horizon after it'),
  row('58 testCleaningWithDeletes', compacted, 'a tombstone that a newer record replaces'),
  row('59 testCommitMarkerRemoval', compacted, 'a commit’s marker stays as long as a record of it'),
  row('59 testAbortMarkerRemoval', compacted, 'an aborted record goes with the first pass'),
  row('60 testLogCleanerRetainsProducerLastSequence', compacted, 'the last batch of a producer leaves its header'),
  row(
    '60 testDuplicateCheckAfterCleaning',
    'simulation/compaction.heavy.test.ts',
    'whenever the power goes while a log is compacted',
  ),
  row('61 testCleaningWithUncleanableSection', compacted, 'nothing at or above the last stable offset'),
  row('62 consumer_test.test_consumer_failure', delivery, 'a member whose process is killed'),
  row('62 the session timeout', delivery, 'a member that polls no more'),
  row('63 test_static_consumer_persisted_after_rejoin', undefined, 'members have no instance id'),
  row('64 test_fencing_static_consumer', undefined, 'members have no instance id'),
  row('65 testGenericGroupOffsetCommit*', groups, 'a second member: everybody joins again'),
  row('66 testApiVersionsRequestWithUnsupportedVersion', undefined, 'there is no server for clients of Kafka'),
  row('67 TestFetchRecordLargerThanMaxBytes', delivery, 'a record larger than any limit of a fetch is delivered'),
  row(
    '67 TestFetchHonoursFetchSizeIfLargeRecordNotFirst',
    undefined,
    'maxBytes is about how much: a fetch may be one batch above it',
  ),
  row('68 testCleanupExpiredOffsets', undefined, 'committed offsets are kept as long as their topic'),
  row('AdminFenceProducersTest', 'client/admin-transactions.test.ts', 'fence, before and after a commit'),
]

/** What the docstrings of the public API promise, by their sentences, of sends, transactions and consumers. */
export const CONTRACT: readonly Row[] = [
  row('nothing creates a topic but createTopic and open with topics', sentences, 'nothing creates a topic by using it'),
  row('open creates what is missing', 'client/admin.test.ts', 'declared topics: missing ones are created'),
  row(
    'open rejects with INVALID_CONFIG where they differ',
    'client/admin.test.ts',
    'a declared topic whose partitions or config differ is INVALID_CONFIG',
  ),
  row('every producer is idempotent, with acks 1 too', sentences, 'a producer is idempotent with acks 1 too'),
  row('every producer is idempotent', queue, 'a lost answer is asked for again under the same sequence'),
  row(
    'flush waits for each record at its own level',
    producer,
    'flush sends what lingers and resolves when all is answered',
  ),
  row('a record and a batch can be committed', commit, 'a record and a batch are committed'),
  row('committing past unfinished records is refused', commit, 'a record at which an iteration ended stays unfinished'),
  row('sendOffsets past unfinished records is refused', offsets, 'sendOffsets refuses to pass unfinished records'),
  row('allowSkip says it is meant', commit, 'with allowSkip a commit may pass unfinished records'),
  row('finished: its iteration asked for the next one', commit, 'a record is finished when its iteration asked'),
  row(
    'finished: itself, its batch or a later record was committed',
    commit,
    'passing a record, its batch or a later record',
  ),
  row(
    'after an abort the next batch is the aborted one again',
    offsets,
    'after an abort the next batch is the aborted one',
  ),
  row('and not after another run committed it', offsets, 'a batch that another run of the work commits'),
  row('send of many is atomic per partition batch', producer, 'an array is one batch per partition'),
  row('a partial failure says which were written', producer, 'PARTIAL_SEND says per record what was written'),
  row('transaction awaits every send made inside', contract, 'transaction: awaits every send made inside'),
  row('aborts if one failed, awaited or not', contract, 'transaction: aborts if a send failed that nobody awaited'),
  row('aborts if work threw, and rethrows unchanged', contract, 'transaction: aborts if work threw'),
  row('runs work again only if asked', contract, 'transaction: runs work again only if asked'),
  row('beginTransaction is the form without a callback', contract, 'beginTransaction: commit, abort'),
  row('dispose without a commit aborts', contract, 'beginTransaction: dispose without a commit aborts'),
  row('one transaction at a time', contract, 'one transaction at a time'),
  row('break leaves it open and gives undelivered records back', consumer, 'break leaves the consumer open'),
  row('close ends its iterations', consumer, 'close ends an iteration that waits'),
  row('close leaves the group', members, 'two members share the partitions; what one leaves'),
  row('an aborted signal rejects with its reason', consumer, 'an aborted signal rejects with its reason'),
  row('an aborted signal ends a transaction', contract, 'transaction: an aborted signal ends it'),
  row('revoked handlers are awaited', members, 'a rebalance comes into force between two records'),
  row('records of for await own their bytes', sentences, 'records of for await own their bytes'),
  row('close commits nothing', sentences, 'close of a consumer commits nothing'),
  row('a table is a view of committed records', sentences, 'a table is what a committed reader sees'),
  row('at-least-once: outputs, then offsets', sentences, 'at-least-once: a failure between output and offsets'),
  row('retries with back-off', sentences, 'tries of a processor come after a wait that doubles'),
  row('a group id is required', consumer, 'options are refused by name'),
  row('positions: offsets in the user’s own database', commit, 'offsets in the user’s own database'),
  row('ingest brings rows in exactly once', 'process/ingest.test.ts', 'rows come once, over runs that end'),
  row(
    'process: handle, produce, keep state, commit at once',
    'process/process.test.ts',
    'state, output and offsets of every record',
  ),
  row('state belongs to the record’s partition', sentences, 'state belongs to the partition of its record'),
  row('processors of a group share the partitions', 'process/process.test.ts', 'several processors of a group share'),
  row('the validated input is stored, decode runs it again', topics, 'the validated input is stored'),
  row('an asynchronous schema is refused by name', topics, 'an asynchronous schema is refused by name'),
  row('an undecodable value throws when it is read', consumer, 'an undecodable value throws when it is read'),
  row('errors are typed', 'damage/bad-input.test.ts', 'wrong arguments give a typed error'),
  row('operations reject', sentences, 'operations reject: whatever they are given'),
  row('read has toReadableStream', 'client/read.test.ts', 'as a Web stream: ends'),
]
