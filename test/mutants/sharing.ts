import type { Mutant } from './mutant.ts'

const locks = 'coordinator/share/share-partition.test.ts'
const consumers = 'client/share-consumer.test.ts'
const lateAnswers = 'client/share-late-answers.test.ts'
const endings = 'client/share-endings.test.ts'
const letters = 'client/share-dead-letters.test.ts'
const unseen = 'client/share-unseen.test.ts'
const powerLoss = 'client/share-power-loss.test.ts'
const shared = 'coordinator/share/share-partition.ts'
const client = 'client/share/share-consumer.ts'

/** Of work queues: who has the lock of a record, how often it comes, where it ends. */
export const SHARING: readonly Mutant[] = [
  {
    name: 'work queues: what one has the lock of goes to others too',
    file: shared,
    find: "if (state !== 'available' || availableAt > now ||",
    put: "if ((state !== 'available' && state !== 'acquired') || (state === 'available' && availableAt > now) ||",
    tests: [locks],
  },
  {
    name: 'work queues: a delay is none',
    file: shared,
    find: "state !== 'available' || availableAt > now ||",
    put: "state !== 'available' || availableAt < 0 ||",
    tests: [locks, consumers],
  },
  {
    name: 'work queues: a lock never ends',
    file: shared,
    find: '      if (inFlight.until > now) {\n',
    put: '      if (inFlight.until > 0) {\n',
    tests: [locks],
  },
  {
    name: 'work queues: what is said of one delivery counts for a later one',
    file: shared,
    find: 'if (isHeld && inFlight.deliveryCount === deliveryCount) held',
    put: 'if (isHeld) held',
    tests: [lateAnswers],
  },
  {
    name: 'work queues: what is said of a delivery counts in a group that was begun anew',
    file: 'coordinator/share/share-groups.ts',
    find: '    if (groupPartition?.beginning !== beginning) throw',
    put: '    if (groupPartition === undefined) throw',
    tests: [lateAnswers],
  },
  {
    name: 'work queues: a topic that is made again takes what is said of the one before',
    file: 'engine/share-members.ts',
    find: 'const at = { groupId, topicId, topic, partition }',
    put: 'const at = { groupId, topicId: this.#hooks.partitionsOf(topic)[partition]?.id.topicId ?? topicId, topic, partition }',
    tests: [lateAnswers],
  },
  {
    name: 'work queues: records are read from whatever topic has the name',
    file: 'client/share/shared-records.ts',
    find: 'const positions = [{ topic, topicId, partition, nextOffset }]',
    put: 'const positions = [{ topic, partition, nextOffset }]',
    tests: [lateAnswers],
  },
  {
    name: 'work queues: who lost its lock may still say that it is done',
    file: shared,
    find: "inFlight?.state === 'acquired' && inFlight.memberId === memberId",
    put: "inFlight?.state === 'acquired'",
    tests: [locks],
  },
  {
    name: 'work queues: what nobody saw counts as delivered',
    file: shared,
    find: "      if (type === 'unseen') inFlight.deliveryCount--\n",
    put: '',
    tests: [locks],
  },
  {
    name: 'work queues: what nobody saw stays locked where a part of it is gone',
    file: shared,
    find: "const isOfRest = type === 'gap' || type === 'unseen'",
    put: 'const isOfRest = false',
    tests: [locks, unseen],
  },
  {
    name: 'work queues: no end to what is in hand after an unfinished record',
    file: shared,
    find: 'Math.min(limitOffset, this.#startOffset + WINDOW_OFFSETS)',
    put: 'limitOffset',
    tests: [locks],
  },
  {
    name: 'work queues: a record that ended its consumer takes others along',
    file: shared,
    find: '      if (deliveryCount < ALONE_FROM) offsets.push(offset)\n',
    put: '      if (deliveryCount >= 0) offsets.push(offset)\n',
    tests: [locks],
  },
  {
    name: 'work queues: a restart forgets how often a record was delivered',
    file: shared,
    find: 'batches.push({ firstOffset: offset, lastOffset: offset, deliveryCount, state })',
    put: 'batches.push({ firstOffset: offset, lastOffset: offset, deliveryCount: 0, state })',
    tests: [locks],
  },
  {
    name: 'work queues: what a consumer held stays locked when it goes',
    file: 'engine/share-members.ts',
    find: 'if (this.#shares.release(member.memberId)) this.#serveWaiting(now)',
    put: 'this.#serveWaiting(now)',
    tests: [endings],
  },
  {
    name: 'work queues: a delivery happens before it is counted on the disk',
    file: 'engine/share-members.ts',
    find: '        if (isServed) done(error, acquired)\n      })\n',
    put: '        if (error !== undefined) throw error\n      })\n      if (isServed) done(undefined, acquired)\n',
    tests: [powerLoss],
  },
  {
    name: 'work queues: an acknowledgement is answered before it is durable',
    file: 'engine/share-members.ts',
    find: '    this.#change(records, done)\n    this.#serveWaiting(now)\n',
    put: '    this.#change(records, () => {})\n    done(undefined)\n    this.#serveWaiting(now)\n',
    tests: [powerLoss],
  },
  {
    name: 'work queues: a record may fail as often as it likes',
    file: client,
    find: "const isLast = type === 'release' && shared.deliveryCount >= this.#settings.maxDeliveries\n",
    put: "const isLast = type === 'release' && shared.deliveryCount < 0\n",
    tests: [letters],
  },
  {
    name: 'work queues: a partition that is added begins at its end',
    file: 'engine/share-members.ts',
    find: "const startAt = begun.has(id.topicId) ? 'earliest' : request.startAt\n",
    put: 'const startAt = begun.size < 0 ? "earliest" : request.startAt\n',
    tests: [consumers],
  },
  {
    name: 'work queues: locks that one has lost end the delivery of others',
    file: 'client/share/shared-records.ts',
    find: "    if (!LogError.is(error, 'INVALID_RECORD_STATE')) throw error\n",
    put: '    throw error\n',
    tests: [unseen],
  },
  {
    name: 'work queues: a partition that fails keeps what was locked with it',
    file: client,
    find: '        this.#undelivered.endReading(range)\n        await this.#undelivered.giveBack(session)\n',
    put: '',
    tests: [unseen],
  },
  {
    name: 'work queues: a dead letter is written of what another consumer has by now',
    file: client,
    find: 'if (this.#closing !== undefined || !this.#isLocked(session, record)) return\n',
    put: 'if (this.#closing !== undefined) return\n',
    tests: [unseen],
  },
  {
    name: 'work queues: the lock may end while the dead letter is being written',
    file: client,
    find: '      await this.#renew(session, record)\n',
    put: '',
    tests: [letters],
  },
  {
    name: 'work queues: a lock that is renewed ends when it would have',
    file: shared,
    find: "      else if (type === 'renew') inFlight.until = Math.max(inFlight.until, availableAt)\n",
    put: "      else if (type === 'renew') continue\n",
    tests: [letters],
  },
  {
    name: 'work queues: who has renewed a lock believes it to end when it would have',
    file: client,
    find: '    SharedRecord.renew(record, lockedUntil)\n',
    put: '',
    tests: [letters],
  },
  {
    name: 'work queues: what is being read at a close counts as delivered',
    file: 'client/share/undelivered.ts',
    find: 'const ranges = [...this.#unread].map(',
    put: 'const ranges = [...new Set<AcquiredRange>()].map(',
    tests: [unseen],
  },
  {
    name: 'work queues: what is being counted at a close counts as delivered',
    file: 'engine/sessions/share-session.ts',
    find: '    if (!this.#isClosing) return ranges\n',
    put: '    if (ranges.length >= 0) return ranges\n',
    tests: [unseen],
  },
  {
    name: 'work queues: a consumer that is closed at its start takes records all the same',
    file: client,
    find: '      if (this.#closing !== undefined) return await session.close()\n',
    put: '',
    tests: [unseen],
  },
  {
    name: 'a share consumer is closed before what is on its way to it has come',
    file: 'engine/remote/attached-share.ts',
    find: '    if (acquiring !== undefined) await this.#link.within(CLOSE_LIMIT_MS, acquiring)\n',
    put: '',
    tests: ['remote/share.test.ts'],
  },
  {
    name: 'work queues: a dead letter that fails keeps the records after its own locked',
    file: client,
    find: '        this.#undelivered.push(records.slice(index + 1))\n',
    put: '',
    tests: [unseen],
  },
  {
    name: 'work queues: a record that is being rejected can be accepted',
    file: client,
    find: '    if (this.#givingUp.has(shared)) throw beingRejected(shared)\n',
    put: '',
    tests: [letters],
  },
  {
    name: 'work queues: a close releases what is being rejected',
    file: client,
    find: '    await this.#givenUp()\n',
    put: '',
    tests: [letters],
  },
]
