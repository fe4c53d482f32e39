import type { Mutant } from './mutant.ts'

const besideCheckpoint = 'log/store/beside-checkpoint.test.ts'
const topicOffsets = 'engine/offsets-of-deleted-topics.test.ts'
const goingTopics = 'client/topics-that-go.test.ts'
const decisions = 'engine/decisions-under-way.test.ts'

/** What is right only because of what else happens, or can't, between two steps. */
export const MOMENTS: readonly Mutant[] = [
  {
    name: 'a ceiling that came into force beside a checkpoint is forgotten by the next one',
    file: 'log/store/group-commit.ts',
    find: '    for (const { id } of set.ceilings) this.#parts.partitions(id).changed = true\n',
    put: '',
    tests: [besideCheckpoint],
  },
  {
    name: 'batches that a checkpoint made durable wait for a frame all the same',
    file: 'log/stored-files/stored-files.ts',
    find: '    this.pending.covered(nextOffset)\n',
    put: '',
    tests: [besideCheckpoint],
  },
  {
    name: 'a checkpoint takes what is appended behind its note for covered',
    file: 'log/stored-files/pending-runs.ts',
    find: '      return (run.unnoted?.baseOffset ?? -1) >= nextOffset ? [run.unnoted as PendingRun] : [run]\n',
    put: '      return []\n',
    tests: [besideCheckpoint],
  },
  {
    name: 'segments that wait for a commit are as many as there come to be',
    file: 'log/stored-files/stored-files.ts',
    find: 'isFurtherRun ? 1 / FURTHER_RUNS_MOST : 0',
    put: 'isFurtherRun ? 0 : 0',
    tests: [besideCheckpoint],
  },
  {
    name: 'a ceiling is raised in a topic that is gone',
    file: 'engine/commit-queue.ts',
    find: '      if (hosted.dead) continue\n      ceilings.push',
    put: '      ceilings.push',
    tests: ['engine/deleted-topics.test.ts'],
  },
  {
    name: 'records are deleted beside the delete of their topic',
    file: 'engine/log-starts.ts',
    find: '      this.#assertStays(hosted)\n',
    put: '',
    tests: ['engine/deleted-topics.test.ts'],
  },
  {
    name: 'a transaction in many partitions is one set',
    file: 'engine/commit-queue.ts',
    find: 'Math.max(1, Math.min(PARTITIONS_MAX, Math.floor(this.#store.decisionBytesMax / (2 * EXTENT_BYTES))))',
    put: 'PARTITIONS_MAX',
    tests: [decisions],
  },
  {
    name: 'a transaction that the clock could not end stays open for good',
    file: 'coordinator/transaction/open-transactions.ts',
    find: 'expired.length > 0 ? now + END_AGAIN_MS : Number.POSITIVE_INFINITY',
    put: 'Number.POSITIVE_INFINITY',
    tests: ['coordinator/transaction/transactions.test.ts'],
  },
  {
    name: 'the end of a transaction waits until all of its partitions are open at once',
    file: 'engine/transacting.ts',
    find: '!opened.has(hosted) && ',
    put: '',
    tests: ['log/store/limits.test.ts'],
  },
  {
    name: 'offsets whose commit is on its way count as stable',
    file: 'coordinator/group/pending-offsets.ts',
    find: '    if (taken.length > 0) this.#taken.set(producerId, taken.map(placeOf))\n',
    put: '',
    tests: [decisions],
  },
  {
    name: 'an open that is refused behind an unclean end leaves a clean log',
    file: 'engine/engine.ts',
    find: 'state.report.clean ? this.store.close() : this.store.abandon()',
    put: 'this.store.close()',
    tests: ['engine/refused-open.test.ts'],
  },
  {
    name: 'epochs of a producer go on behind the last one',
    file: 'engine/sessions/producer-session.ts',
    find: 'this.#producerEpoch < PRODUCER_EPOCH_MAX',
    put: 'this.#producerEpoch >= 0',
    tests: ['engine/producer-epochs.test.ts'],
  },
  {
    name: 'epochs of an attached producer go on behind the last one',
    file: 'engine/remote/attached-sessions.ts',
    find: 'producerEpoch === PRODUCER_EPOCH_MAX',
    put: 'producerEpoch < 0',
    tests: ['engine/producer-epochs.test.ts'],
  },
  {
    name: 'a task gets a file that others had closed before its turn',
    file: 'log/segment/file-cache.ts',
    find: 'if (file === undefined || this.get(path) === file) return file',
    put: 'return file',
    tests: ['log/segment/file-cache.test.ts'],
  },
  {
    name: 'an open ends where a transaction was open in a damaged partition',
    file: 'engine/undecided.ts',
    find: "if (!LogError.is(error, 'CORRUPT_MESSAGE', 'CORRUPT_LOG')) throw error",
    put: 'throw error',
    tests: ['damage/undecided-in-damaged.test.ts'],
  },
  {
    name: 'recovery goes on with what it could read of the catalogue',
    file: 'log/recovery/catalogue-reader.ts',
    find: "if (typeof batch === 'string') throw damaged(files, offset, batch)",
    put: "if (typeof batch === 'string') return",
    tests: ['damage/unreadable-catalogue.test.ts'],
  },
  {
    name: 'committed offsets survive their topic',
    file: 'coordinator/group/groups.ts',
    find: 'return this.#planRemovals((id) => id === topicId)',
    put: 'return []',
    tests: ['coordinator/group/groups.test.ts', topicOffsets],
  },
  {
    name: 'committed offsets are seen until their tombstones are durable',
    file: 'coordinator/group/groups.ts',
    find: 'this.#tables.durable.dropOffsetsWhere((id) => id === topicId)',
    put: '',
    tests: [topicOffsets],
  },
  {
    name: 'committed offsets survive a crash behind the delete of their topic',
    file: 'coordinator/group/groups.ts',
    find: 'this.#tables.durable.dropOffsetsWhere(isGone)\n    return this.#planRemovals(isGone)',
    put: 'return []',
    tests: [topicOffsets],
  },
  {
    name: 'producer: an old answer forgets a topic that has got something since',
    file: 'client/producer/record-accumulator.ts',
    find: 'if (this.#doubted.delete(topic) && isGone)',
    put: 'if (isGone)',
    tests: [goingTopics],
  },
  {
    name: 'producer: what was placed before its topic was forgotten has a queue of its own',
    file: 'client/producer/partition-queue.ts',
    find: 'return this.#isRetired ? this.#hooks.queue(this.topic, this.partition) : this',
    put: 'return this',
    tests: [goingTopics],
  },
]
