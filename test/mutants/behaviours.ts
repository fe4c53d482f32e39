import type { Mutant } from './mutant.ts'

const littleMemory = 'limits/little-memory.test.ts'
const records = 'regressions/records.test.ts'
const segments = 'regressions/segments.test.ts'
const compacted = 'regressions/compaction.test.ts'
const idempotence = 'regressions/idempotence.test.ts'
const delivery = 'regressions/groups.test.ts'
const contract = 'regressions/contract.test.ts'
const partition = 'log/partition/partition.ts'
const cleaner = 'log/compaction/batch-cleaner.ts'

/**
 * Of section 8 in docs/kafka.md, and of the sentences that regressions/contract.test.ts holds, what no other list takes
 * out.
 */
export const BEHAVIOURS: readonly Mutant[] = [
  {
    name: 'signals: each wait has a listener of its own at its signal',
    file: 'client/signals.ts',
    find: 'let all = waits.get(signal)',
    put: 'let all = undefined as Waits | undefined',
    tests: ['client/listeners.test.ts'],
  },
  {
    name: 'client: refusals of its own let nobody have a turn of the event loop',
    file: 'client/refused-later.ts',
    find: 'port.defer(() => reject(error))',
    put: 'port === undefined ? port : reject(error)',
    tests: ['engine/loop-turns.test.ts'],
  },
  {
    name: 'engine: answers from memory let nobody have a turn of the event loop',
    file: 'engine/sessions/embedded-broker.ts',
    find: 'if (this.#turns.isOverdue) await new Promise',
    put: 'if (false) await new Promise',
    tests: ['engine/loop-turns.test.ts'],
  },
  {
    name: 'memory: tails keep readers from an index',
    file: 'engine/engine-parts.ts',
    find: 'tails.makingRoomFor(() => this.store.prepareRead(hosted.id, offset, abortedUpTo))',
    put: 'this.store.prepareRead(hosted.id, offset, abortedUpTo)',
    tests: [littleMemory],
  },
  {
    name: 'memory: tails keep a time from being found',
    file: 'engine/dispatch.ts',
    find: 'tails.makingRoomFor(() => offsetsForTimestamp(command, topics, store))',
    put: 'offsetsForTimestamp(command, topics, store)',
    tests: [littleMemory],
  },
  {
    name: 'memory: a pass of compaction that finds none is given up',
    file: 'engine/compacting.ts',
    find: "      if (LogError.is(error, 'MEMORY_CAP_REACHED')) this.#makeRoom(id)\n",
    put: '',
    tests: ['engine/compacting-turns.test.ts'],
  },
  {
    name: 'behaviours: a batch without records goes to the kernel',
    file: partition,
    find: '    if (recordCount < 1) throw emptyBatch(this.id)\n',
    put: '',
    tests: [records],
  },
  {
    name: 'behaviours: the error of a record without a key names the first one',
    file: 'log/partition/keys.ts',
    find: 'recordErrors: [{ batchIndex }]',
    put: 'recordErrors: [{ batchIndex: 0 }]',
    tests: [records],
  },
  {
    name: 'behaviours: a record as old as may be is too old',
    file: 'log/partition/timestamps.ts',
    find: 'timestamp < earliest ||',
    put: 'timestamp <= earliest ||',
    tests: [records],
  },
  {
    name: 'behaviours: a record a millisecond too far ahead is taken',
    file: 'log/partition/timestamps.ts',
    find: 'timestamp > latest)',
    put: 'timestamp > latest + 1)',
    tests: [records],
  },
  {
    name: 'behaviours: LogAppendTime without its attribute',
    file: partition,
    find: '(isLogAppendTime ? ATTRIBUTE_APPEND_TIME : 0)',
    put: '0',
    tests: [records],
  },
  {
    name: 'behaviours: a compressed batch keeps its own greatest time under LogAppendTime',
    file: 'log/partition/encode.ts',
    find: 'isLogAppendTime ? now : records.maxTimestamp',
    put: 'records.maxTimestamp',
    tests: [records],
  },
  {
    name: 'behaviours: max.message.bytes leaves the header out',
    file: 'log/partition/refusals.ts',
    find: '  if (sizeBytes > maxMessageBytes) {\n',
    put: '  if (sizeBytes > maxMessageBytes + 61) {\n',
    tests: [records],
  },
  {
    name: 'behaviours: snapshots outside of the log stay',
    file: 'log/store/producer-snapshots.ts',
    find: ' && !kept.has(file.offset))\n',
    put: ' && kept.size === 0)\n',
    tests: [idempotence],
  },
  {
    name: 'behaviours: a look for a time answers below the log start',
    file: 'engine/timestamp-lookup.ts',
    find: ' && at >= watermarks.logStartOffset',
    put: '',
    tests: [segments],
  },
  {
    name: 'behaviours: a look for a time answers where its batch begins',
    file: 'engine/timestamp-lookup.ts',
    find: 'watermarks.logStartOffset) return at\n',
    put: 'watermarks.logStartOffset) return batch.offsetOf(0)\n',
    tests: [segments],
  },
  {
    name: 'behaviours: readers stand still before a marker',
    file: 'log/partition/reading.ts',
    find: '    this.nextOffset = nextOffset\n    this.sizeBytes',
    put: '    if ((header.attributes & ATTRIBUTE_CONTROL) === 0) this.nextOffset = nextOffset\n    this.sizeBytes',
    tests: [segments],
  },
  {
    name: 'behaviours: a tombstone stays for ever',
    file: cleaner,
    find: 'return keyed.valueLengthOf(index) >= 0 || !this.#isOver(batch)',
    put: 'return keyed.valueLengthOf(index) >= 0 || this.#rules.now >= 0',
    tests: [compacted],
  },
  {
    name: 'behaviours: each pass gives a tombstone its horizon anew',
    file: cleaner,
    find: '!hasHorizon && (found.hasTombstone || endsNothing)',
    put: '(found.hasTombstone || endsNothing)',
    tests: [compacted],
  },
  {
    name: 'behaviours: a marker stays for ever',
    file: cleaner,
    find: 'endsNothing && this.#isOver(batch) :',
    put: 'endsNothing && this.#rules.now < 0 :',
    tests: [compacted],
  },
  {
    name: 'behaviours: a marker goes with the last record of its transaction',
    file: cleaner,
    find: 'batch.isControl ? endsNothing && this.#isOver(batch) :',
    put: 'batch.isControl ? endsNothing :',
    tests: [compacted],
  },
  {
    name: 'behaviours: members of a process that is gone stay',
    file: 'engine/remote/served-sessions.ts',
    find: '    for (const sessions of [this.#consumers, this.#readers, this.#shares]) {\n',
    put: '    for (const sessions of [this.#readers, this.#shares]) {\n',
    tests: [delivery],
  },
  {
    name: 'behaviours: who polls no more stays a member',
    file: 'engine/group-members.ts',
    find: 'of this.#groups.live.expired(now)) {\n',
    put: 'of this.#groups.live.expired(now).slice(now)) {\n',
    tests: [delivery],
  },
  {
    name: 'behaviours: who polls too rarely is put out and not told',
    file: 'engine/group-members.ts',
    find: '      this.#rebalanced.get(key)?.()\n      this',
    put: '      this',
    tests: ['engine/group-members.test.ts'],
  },
  {
    name: 'behaviours: a single tail makes room for what needs memory',
    file: 'log/partition/tail-pool.ts',
    find: 'Math.ceil(oldest.length / 4)',
    put: '1',
    tests: ['log/partition/tail-window.test.ts'],
  },
  {
    name: 'behaviours: a limit of bytes is never exceeded, and a large record holds up its readers',
    file: 'log/partition/partition-reads.ts',
    find: '        sizeBytes = -count\n',
    put: '        if (-count > maxBytes * 4096) break\n        sizeBytes = -count\n',
    tests: [delivery],
  },
  {
    name: 'behaviours: readers that own their bytes share memory that is used again',
    file: 'client/read-run.ts',
    find: 'mode.isBorrowed ? new ReusedMemory() : undefined',
    put: 'new ReusedMemory()',
    tests: [contract],
  },
  {
    name: 'behaviours: a table shows what is not committed',
    file: 'client/process/partition-values.ts',
    find: "isolationLevel: 'read_committed', maxBytes: FETCH_BYTES",
    put: "isolationLevel: 'read_uncommitted', maxBytes: FETCH_BYTES",
    tests: [contract],
  },
  {
    name: 'behaviours: a table keeps what was deleted',
    file: 'client/process/partition-values.ts',
    find: 'this.values.delete(text)',
    put: 'this.values.get(text)',
    tests: [contract],
  },
  {
    name: 'behaviours: tries of a processor wait as long each time',
    file: 'client/process/batch-work.ts',
    find: 'RETRY_MS * 2 ** Math.min(failures - 1, 20)',
    put: 'RETRY_MS * Math.min(failures, 1)',
    tests: [contract],
  },
  {
    name: 'consumer: a partition that is asked for again comes first in the next fetch',
    file: 'engine/fetch-positions.ts',
    find: '    this.ready.add(asked)\n',
    put: '    const before = this.ready.all()\n    for (const each of [asked, ...before]) this.ready.add(each)\n',
    tests: ['client/first-records.test.ts'],
  },
  {
    name: 'reading: a look for one record decodes all that was read',
    file: 'log/partition/partition-reads.ts',
    find: 'reading.sizeBytes >= limitBytes) return',
    put: 'reading.sizeBytes >= Math.max(limitBytes, count)) return',
    tests: ['client/first-records.test.ts'],
  },
  {
    name: 'a topic that is deleted while a record is looked up is told as damage',
    file: 'engine/record-lookup.ts',
    find: 'error !== undefined && !hosted.isDead',
    put: 'error !== undefined',
    tests: ['engine/deleted-topics.test.ts'],
  },
  {
    name: 'a topic that is deleted while a time is looked up is told as damage',
    file: 'engine/timestamp-lookup.ts',
    find: '!hosted.isDead && ',
    put: '',
    tests: ['engine/deleted-topics.test.ts'],
  },
  {
    name: 'verify ends with 0 over damage that no partition has',
    file: 'entry/cli/commands/verify.ts',
    find: 'if (damage.length > 0) process.exitCode = 1',
    put: 'if (damage.some(({ topic }) => topic !== undefined)) process.exitCode = 1',
    tests: ['cli/cli.test.ts'],
  },
  {
    name: 'a record that comes is looked for in all partitions of those who wait for it',
    file: 'engine/fetches.ts',
    find: '      positions.ready.add(asked)\n',
    put: '      for (const each of positions.fetch?.request.positions ?? []) positions.ask(each)\n',
    tests: ['engine/fetches.test.ts'],
  },
  {
    name: 'each acknowledgement of a share group is a snapshot, though the next one follows it at once',
    file: 'engine/decision-batches.ts',
    find: "table === 'shares' ? latestOf(planned) : planned",
    put: 'planned',
    tests: ['client/share-endings.test.ts'],
  },
  {
    name: 'of snapshots of a share group in one frame the first one stays',
    file: 'engine/decision-batches.ts',
    find: '[...planned].reverse().filter(({ key }) => !keys.has(key) && keys.add(key))\n  return latest.reverse()',
    put: 'planned.filter(({ key }) => !keys.has(key) && keys.add(key))\n  return latest',
    tests: ['client/share-endings.test.ts'],
  },
  {
    name: 'locks of deleted records stay until they end',
    file: 'engine/engine-parts.ts',
    find: '        this.shareMembers.startMoved(hosted)\n',
    put: '',
    tests: ['client/share-admin.test.ts'],
  },
  {
    name: 'what a reader asks for is forgotten with each answer',
    file: 'engine/fetches.ts',
    find: 'if (!positions.isKept) positions.forgetAll()',
    put: 'positions.forgetAll()',
    tests: ['engine/fetches.test.ts'],
  },
  {
    name: 'what a reader asked for is kept once it is closed',
    file: 'engine/fetches.ts',
    find: '    if (isLast) this.#forget(reader)\n',
    put: '',
    tests: ['engine/fetches.test.ts'],
  },
  {
    name: 'a reader that was dropped and not closed waits at its partitions for ever',
    file: 'engine/fetches.ts',
    find: '        this.#abandoned.register(reader, asked, asked)\n',
    put: '',
    tests: ['engine/fetches.test.ts'],
  },
  {
    name: 'who waits for partitions of a topic that one commit changes and deletes ends the log',
    file: 'engine/fetches.ts',
    find: `      mayWait = !read.hasMoved && fetch.request.wait && !this.#hasOthers(fetch.request)
    } catch (error) {
      return this.#fail(fetch, error)
    }
`,
    put: `    } catch (error) {
      return this.#fail(fetch, error)
    }
    mayWait = !read.hasMoved && fetch.request.wait && !this.#hasOthers(fetch.request)
`,
    tests: ['engine/fetches.test.ts'],
  },
  {
    name: 'a log at the cap of its memory ends by a decision, though tails could make room',
    file: 'log/partition/partition-factory.ts',
    find: 'this.tails.makingRoom(() => encodeBatch(this.#kernel, records, seal, now))',
    put: 'encodeBatch(this.#kernel, records, seal, now)',
    tests: ['engine/decisions-at-the-cap.test.ts'],
  },
  {
    name: 'a log at the cap of its memory ends by a marker, though tails could make room',
    file: 'log/partition/partition-factory.ts',
    find: 'this.tails.makingRoom(() => encodeMarkers(this.#kernel, marker, places))',
    put: 'encodeMarkers(this.#kernel, marker, places)',
    tests: ['engine/decisions-at-the-cap.test.ts'],
  },
  {
    name: 'a member asks for all of its partitions again and again',
    file: 'client/consumer/fetcher.ts',
    find: 'session !== this.#asked || session.isOutOfStep === true',
    put: 'true',
    tests: ['client/many-partitions.test.ts'],
  },
  {
    name: 'records of an answer that came after its wake are passed over',
    file: 'engine/remote/attached-consumer.ts',
    find: '    if (this.#fetches > 0) this.isOutOfStep = true\n',
    put: '',
    tests: ['remote/woken-fetches.test.ts'],
  },
  {
    name: 'who waits for records is told of each partition that has none',
    file: 'engine/fetch-reads.ts',
    find: 'wait || asked.of.isKept',
    put: 'asked.of.isKept',
    tests: ['engine/fetches.test.ts'],
  },
  {
    name: 'who waits before a batch that the ceiling runs through is told of nothing any more',
    file: 'engine/fetch-reads.ts',
    find: 'if (missing === undefined && next === offset && mayWait) {',
    put: 'if (false) {',
    tests: ['engine/fetches.test.ts'],
  },
  {
    name: 'what was fetched before a seek is taken in after it',
    file: 'client/consumer/fetcher.ts',
    find: 'if (from === undefined || assigned.position !== from) return',
    put: 'if (from === undefined) return',
    tests: ['client/many-partitions.test.ts'],
  },
  {
    name: 'who joins again has its time until the next poll anew',
    file: 'coordinator/group/live-groups.ts',
    find: 'if (!this.#deadlines.has(groupId, memberId)) this.#deadlines.set(',
    put: 'this.#deadlines.set(',
    tests: ['coordinator/group/poll-deadlines.test.ts'],
  },
  {
    name: 'a read begins where the program has changed its list to since',
    file: 'client/start-point.ts',
    find: "return isPositions(from) ? checkPositions(from, 'from') : { timestamp: from.timestamp }",
    put: "if (isPositions(from)) checkPositions(from, 'from')\n  return from",
    tests: ['client/read.test.ts'],
  },
  {
    name: 'client: reads of nothing let nobody have a turn of the event loop',
    file: 'client/read-run.ts',
    find: 'if (!this.#hasFetched) await this.#turn()',
    put: '',
    tests: ['engine/loop-turns.test.ts'],
  },
]
