import type { Mutant } from './mutant.ts'

const random = 'log/compaction/random.test.ts'
const running = 'engine/compacting.test.ts'
const crashes = 'simulation/compaction.heavy.test.ts'
const catalogue = 'engine/compacted-catalogue.test.ts'
const cataloguePasses = 'log/compaction/catalogue-pass.test.ts'
const largeBatches = 'log/compaction/large-batches.test.ts'
const cleaner = 'log/compaction/batch-cleaner.ts'
const rewriter = 'log/compaction/batch-rewriter.ts'
const rewrite = 'log/stored-files/segment-rewrite.ts'

export const COMPACTION: readonly Mutant[] = [
  {
    name: 'compaction: a rewritten segment counts before it is synced',
    file: rewrite,
    find: "    yield* perform('flush', from, () => file.flush())\n",
    put: '',
    tests: [crashes],
  },
  {
    name: 'compaction: the old segments go before a checkpoint notes the new one',
    file: rewrite,
    find: '    this.#files.swaps.push({ cleaned: this.#cleaned, sources: this.#sources, isNoted: false })\n',
    put: '    this.#files.swaps.push({ cleaned: this.#cleaned, sources: this.#sources, isNoted: true })\n    yield* finishSwaps(this.#context, this.#files)\n',
    tests: [crashes],
  },
  {
    name: 'compaction: an opening finishes what no checkpoint notes',
    file: 'log/recovery/settle-swaps.ts',
    find: "      yield* perform('remove', path, () => store.remove(path))\n",
    put: '      yield* takePlace(store, directory, rewrittenSegment(name)?.offset ?? 0)\n',
    tests: [crashes],
  },
  {
    name: 'compaction: what was replaced comes back and stays',
    file: 'log/recovery/settle-swaps.ts',
    find: '      yield* removeSegment(store, directory, parsed.offset)\n',
    put: '',
    tests: [crashes],
  },
  {
    name: 'compaction: records of the future hold up a pass without a lag',
    file: 'log/compaction/dirty-part.ts',
    find: 'Number.POSITIVE_INFINITY\n  const isTooNew',
    put: 'now\n  const isTooNew',
    tests: ['log/compaction/dirty-part.test.ts'],
  },
  {
    name: 'compaction: a delete horizon beyond what a batch can have',
    file: cleaner,
    find: 'deleteRetentionMs, TIMESTAMP_MAX)',
    put: 'deleteRetentionMs, 2 * TIMESTAMP_MAX)',
    tests: ['log/compaction/far-horizon.test.ts'],
  },
  {
    name: 'compaction: a tombstone goes with the first pass',
    file: cleaner,
    find: 'return keyed.valueLengthOf(index) >= 0 || (batch.deleteHorizon ?? Number.POSITIVE_INFINITY) > now',
    put: 'return keyed.valueLengthOf(index) >= 0 || now < 0',
    tests: [random],
  },
  {
    name: "compaction: a producer's last sequence is lost",
    file: cleaner,
    find: 'return isLast || this.#isLastOfProducer(batch) ? this.#rewriter.headerAlone(batch) : undefined',
    put: 'return isLast ? this.#rewriter.headerAlone(batch) : undefined',
    tests: [random],
  },
  {
    name: 'compaction: records of aborted transactions stay without what tells of the abort',
    file: cleaner,
    find: 'endsNothing && isOver : transactions.isAborted(batch)',
    put: 'endsNothing && isOver : false',
    tests: [random],
  },
  {
    name: 'compaction: a marker goes before its data',
    file: cleaner,
    find: 'batch.isControl ? endsNothing && isOver :',
    put: 'batch.isControl ? !isOver :',
    tests: [random],
  },
  {
    name: 'compaction: an older record of a key outlives the newer one',
    file: cleaner,
    find: 'if (offset < map.getHashed(',
    put: 'if (offset > map.getHashed(',
    tests: [random],
  },
  {
    name: 'compaction: beyond the keys that the map held all goes by what it says',
    file: cleaner,
    find: '    if (offset >= mapEnd) return true\n',
    put: '',
    tests: [random],
  },
  {
    name: 'compaction: a batch of any number of records is looked through in one turn',
    file: cleaner,
    find: '      if (!keyed.isLast) yield* letOthersRun()\n',
    put: '',
    tests: [largeBatches],
  },
  {
    name: 'compaction: a batch of any number of records is written in one turn',
    file: rewriter,
    find: '        if (++written % RECORDS_A_TURN === 0) yield* letOthersRun()\n',
    put: '        written++\n',
    tests: [largeBatches],
  },
  {
    name: 'compaction: what was laid out is read after others used the kernel',
    file: 'log/compaction/compaction-pass.ts',
    find: '      mapEnd = putAll(',
    put: '      yield* letOthersRun()\n      mapEnd = putAll(',
    tests: [largeBatches],
  },
  {
    name: 'compaction: the map of keys grows in one turn',
    file: 'log/compaction/offset-map.ts',
    find: '      if (from > 0 && from % (SLOTS_A_TURN * SLOT_WORDS) === 0) yield* letOthersRun()\n',
    put: '',
    tests: ['log/compaction/offset-map.test.ts'],
  },
  {
    name: "compaction: positions of a batch's second part count from where it begins",
    file: 'kernel/keyed-records.ts',
    find: 'return this.#from + (this.#rows[index * ROW_WORDS] as number)',
    put: 'return (this.#rows[index * ROW_WORDS] as number)',
    tests: ['kernel/keyed-records.test.ts'],
  },
  {
    name: 'compaction: offsets may go back from one part of a batch to the next',
    file: 'kernel/keyed-records.ts',
    find: '    if (filling.offsetDeltaOf(0) <= this.#lastDelta) return faults[statusBadCount]\n',
    put: '',
    tests: ['kernel/keyed-records.test.ts'],
  },
  {
    name: 'compaction: above the durable checkpoint',
    file: 'log/store/compactions.ts',
    find: '.filter(({ nextOffset }) => nextOffset <= checkpointedOffset)',
    put: '.filter(() => checkpointedOffset >= 0)',
    tests: [running],
  },
  {
    name: 'compaction: above the last stable offset',
    file: 'engine/compacting.ts',
    find: 'Math.min(lastStableOffset, watermarks.durableOffset)',
    put: 'Math.max(lastStableOffset, watermarks.durableOffset)',
    tests: [running],
  },
  {
    name: 'compaction: a checkpoint forgets which segments may have gaps',
    file: 'log/checkpoint/checkpoint-record.ts',
    find: 'isCleaned: version > 1 && reader.flag(),',
    put: 'isCleaned: version > 1 && !reader.flag() && version > 9,',
    tests: [running],
  },
  {
    name: 'catalogue: a deleted topic leaves all but its creation',
    file: 'log/compaction/batch-cleaner.ts',
    find: ' || offset < map.get(keys.endKey)) return false',
    put: ') return false',
    tests: [cataloguePasses],
  },
  {
    name: 'catalogue: a delete stays for ever',
    file: 'log/compaction/batch-cleaner.ts',
    find: 'return !keys.isEnd',
    put: 'return !keys.isEnd || offset >= 0',
    tests: [catalogue],
  },
  {
    name: 'catalogue: what lies behind is rewritten before what lies before it',
    file: 'log/compaction/compaction-pass.ts',
    find: '    input.limits,\n  )) {',
    put: '    input.limits,\n  ).reverse()) {',
    tests: [cataloguePasses],
  },
  {
    name: 'catalogue: all log starts of a topic count as one',
    file: 'log/catalogue/catalogue-keys.ts',
    find: 'entry.partition}',
    put: 'entry.kind}',
    tests: [cataloguePasses],
  },
  {
    name: 'catalogue: a replay takes no record of a topic whose creation has gone before its delete',
    file: 'log/catalogue/topic-table.ts',
    find: '    if (isOfUnknown) this.unknown.add(topicId)\n',
    put: "    if (isOfUnknown) throw new EntryConflict('no topic has this id')\n",
    tests: [cataloguePasses],
  },
  {
    name: 'compaction: a record without a key is taken',
    file: 'log/partition/keys.ts',
    find: '    if (records.hasKey(batchIndex)) continue\n',
    put: '    if (batchIndex >= 0) continue\n',
    tests: [running],
  },
  {
    name: 'compaction: a pass is one step, however long it is',
    file: 'engine/compacting.ts',
    find: 'isTurn(step.value) && ++turns > TURNS_AT_ONCE',
    put: 'isTurn(step.value) && ++turns < 0',
    tests: ['engine/compacting-turns.test.ts'],
  },
  {
    name: 'compaction: the name of a rewritten segment is not durable',
    file: 'log/stored-files/segment-rewrite.ts',
    find: '  files.directoryChanged()\n  yield* files.syncDirectory(context.store)\n',
    put: '  files.directoryChanged()\n',
    tests: ['log/stored-files/segment-rewrite.test.ts'],
  },
]
