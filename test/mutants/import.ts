import type { Mutant } from './mutant.ts'

const settle = 'import/settle-segments.test.ts'
const killed = 'import/killed.test.ts'
const records = 'import/records.test.ts'
const groups = 'import/groups.test.ts'
const crash = 'import/crash.test.ts'
const source = 'log/import/source-partition.ts'
const settling = 'log/import/settle-segments.ts'
const partition = 'entry/import/import-partition.ts'
const whole = 'entry/import/import-kafka.ts'

export const IMPORT: readonly Mutant[] = [
  {
    name: 'import: the offsets of a partition of groups are arguments of one call',
    file: 'entry/import/source-tables.ts',
    find: 'for (const commit of offsets.committed()) commits.push(commit)',
    put: 'commits.push(...offsets.committed())',
    tests: ['import/groups.test.ts'],
  },
  {
    name: 'import: what follows a transaction without its marker is shown with it',
    file: partition,
    find: 'if (isEnded && lastOffset < asOf.offset) continue',
    put: 'if (isEnded) continue',
    tests: ['import/killed.test.ts'],
  },
  {
    name: 'import: the checksum of an old message takes one turn',
    file: 'log/import/legacy-message.ts',
    find: '    yield* letOthersRun()\n',
    put: '',
    tests: ['import/legacy-message.test.ts'],
  },
  {
    name: 'import: parts of a split that was not finished count',
    file: settling,
    find: 'baseOffset < firstCleaned',
    put: 'baseOffset <= firstCleaned + 1e9',
    tests: [settle],
  },
  {
    name: 'import: what compaction had replaced counts too',
    file: settling,
    find: '(baseOffset >= from && baseOffset < to)',
    put: '(baseOffset > to)',
    tests: [settle],
  },
  {
    name: 'import: damage below the recovery point is cut off in silence',
    file: source,
    find: 'index >= this.#recoveredFrom && TORN',
    put: 'TORN',
    tests: [killed],
  },
  {
    name: 'import: segments after the one that is cut stay',
    file: source,
    find: 'if (!(yield* this.#segment(file, index, wanted, take))) return',
    put: 'yield* this.#segment(file, index, wanted, take)',
    tests: [killed],
  },
  {
    name: 'import: messages of an old format count as a torn tail',
    file: source,
    find: "  if ((found === 'bad-magic' || found === 'bad-length') && (yield* holdsLegacyMessage(file, position)))\n    return 'old-format'\n",
    put: '',
    tests: [killed],
  },
  {
    name: 'import: a clean stop is not believed',
    file: 'log/import/kafka-directory.ts',
    find: 'isClean: isClean && root.topic',
    put: 'isClean: !isClean && root.topic',
    tests: [killed],
  },
  {
    name: 'import: a log start is forgotten',
    file: source,
    find: 'Math.max(this.place.logStartOffset, this.segments',
    put: 'Math.max(0, this.segments',
    tests: [records],
  },
  {
    name: 'import: what comes out of a compressed batch is not looked at',
    file: 'log/import/source-batch.ts',
    find: 'isControl || (attributes & ATTRIBUTE_CODEC) !== 0',
    put: 'isControl',
    tests: [killed],
  },
  {
    name: 'import: attributes that nobody knows are taken',
    file: 'log/import/source-batch.ts',
    find: 'const KNOWN_ATTRIBUTES = 0x7f',
    put: 'const KNOWN_ATTRIBUTES = 0xffff',
    tests: [killed],
  },
  {
    name: 'import: an open transaction counts as committed',
    file: 'coordinator/transaction/kafka-decisions.ts',
    find: "if (entry?.state !== 'PrepareCommit') return false",
    put: 'if (entry === undefined) return false',
    tests: [killed],
  },
  {
    name: 'import: a transaction that was decided is aborted',
    file: 'coordinator/transaction/kafka-decisions.ts',
    find: "if (entry?.state !== 'PrepareCommit') return false",
    put: "if (entry?.state !== 'CompleteCommit') return false",
    tests: [killed],
  },
  {
    name: 'import: offsets of a transaction count before its end',
    file: 'coordinator/group/kafka-offsets.ts',
    find: 'if (producerId === undefined) {',
    put: 'if (recordOffset >= 0) {',
    tests: [groups],
  },
  {
    name: 'import: of two commits the one that became final last wins',
    file: 'coordinator/group/kafka-offsets.ts',
    find: 'before === undefined || before.recordOffset < commit.recordOffset',
    put: 'before === undefined || before.recordOffset !== commit.recordOffset',
    tests: [groups],
  },
  {
    name: 'import: a removed offset comes back',
    file: 'coordinator/group/kafka-offsets.ts',
    find: '      this.#committed.delete(key)\n',
    put: '',
    tests: [groups],
  },
  {
    name: 'import: an offset of an earlier topic of the name is taken',
    file: 'entry/import/committed-offsets.ts',
    find: 'topicId !== undefined && topicId !== topic.topicId',
    put: 'topicId !== undefined && topicId === undefined',
    tests: [groups],
  },
  {
    name: 'import: records that a group had read already are written below its offset',
    file: partition,
    find: 'source.place.highWatermark, continueAt)',
    put: 'source.place.highWatermark)',
    tests: [groups],
  },
  {
    name: 'import: offsets that were seen are given again',
    file: partition,
    find: 'source.place.highWatermark, continueAt)',
    put: 'continueAt)',
    tests: [killed],
  },
  {
    name: 'import: producer ids of the broker are given again',
    file: whole,
    find: 'cluster?.producerIdsEnd ?? 0)',
    put: '0)',
    tests: [records],
  },
  {
    name: 'import: a running broker is not noticed',
    file: whole,
    find: '  for (const each of source.partitions) yield* assertUnchanged(each)\n',
    put: '',
    tests: [crash],
  },
  {
    name: 'import: a segment that a running broker begins is not noticed',
    file: source,
    find: 'isOfBatches(name) && !this.#names.has(name)',
    put: 'this.#names.size < 0 && name',
    tests: [crash],
  },
  {
    name: 'import: a complete commit without its marker is no loss',
    file: partition,
    find: "this.source.isCut || isEnded || known?.state === 'CompleteCommit'",
    put: 'this.source.isCut || isEnded',
    tests: [killed],
  },
  {
    name: 'import: what lies in tiered storage is not told',
    file: whole,
    find: 'if (offset < logStartOffset) leftOut',
    put: 'if (offset < 0) leftOut',
    tests: [records],
  },
  {
    name: 'import: what was brought goes by its age at once',
    file: 'entry/import/topic-config.ts',
    find: "{ 'retention.ms': FOR_EVER }",
    put: '{}',
    tests: [records],
  },
  {
    name: 'import: records that a snapshot of the controllers holds are read again',
    file: 'entry/import/source-tables.ts',
    find: 'at.offset >= from',
    put: 'at.offset >= 0',
    tests: [records],
  },
  {
    name: 'import: a topic that was deleted comes back',
    file: 'entry/import/plan-topics.ts',
    find: 'if (cluster !== undefined && known === undefined) {',
    put: 'if (cluster === null) {',
    tests: [records],
  },
  {
    name: 'import: whole batches after a cut are no loss',
    file: 'log/import/source-partition.ts',
    find: 'const isLoss = !isTorn || isDamage',
    put: 'const isLoss = !isTorn',
    tests: [killed],
  },
  {
    name: 'import: an offset above the next segment is believed',
    file: 'log/import/source-partition.ts',
    find: 'if (batch.nextOffset > endOffset) return',
    put: 'if (batch.nextOffset < 0) return',
    tests: [killed],
  },
]
