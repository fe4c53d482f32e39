import type { Mutant } from './mutant.ts'

const engine = 'engine/transactions.test.ts'
const regressions = 'regressions/transactions.test.ts'
const groups = 'coordinator/group/groups.test.ts'
const lateCommits = 'client/late-commits.test.ts'
const transacting = 'engine/transacting.ts'
const groupTable = 'coordinator/group/groups.ts'

export const OFFSETS: readonly Mutant[] = [
  {
    name: 'offsets that a transaction has already take no room in its frame',
    file: transacting,
    find: '    open.offsetBytes += sizeBytes\n',
    put: '',
    tests: ['limits/transaction-partitions.test.ts'],
  },
  {
    name: 'an offset that was named later gives way to an earlier one that is committed later',
    file: 'coordinator/group/pending-offsets.ts',
    find: '      this.#overtake(place, own.order)\n',
    put: '',
    tests: ['coordinator/group/pending-offsets.test.ts'],
  },
  {
    name: 'an offset that is committed takes those along that were named later',
    file: 'coordinator/group/pending-offsets.ts',
    find: 'if (pending.order <= order) this.#remove',
    put: 'this.#remove',
    tests: ['coordinator/group/pending-offsets.test.ts'],
  },
  {
    name: 'offsets that wait for a commit outlive their topic',
    file: 'coordinator/group/groups.ts',
    find: '    this.#pending.dropWhere((offset) => offset.topicId === topicId)\n',
    put: '',
    tests: ['coordinator/group/groups.test.ts'],
  },
  {
    name: 'offsets of a transaction outlive their group',
    file: groupTable,
    find: '    this.#pending.dropWhere((offset) => offset.groupId === groupId)\n',
    put: '',
    tests: [groups],
  },
  {
    name: 'offsets of a transaction count at once',
    file: transacting,
    find: '    open.hasOffsets = true\n',
    put: `    this.#hooks.change({ offsets: groups.planPending(instance.producerId), done: () => {} })
    open.hasOffsets = true
`,
    tests: [engine],
  },
  {
    name: 'offsets are not fenced by the generation',
    file: groupTable,
    find: '    group.assertGeneration(generation)\n    this.#pending.add',
    put: '    this.#pending.add',
    tests: [engine],
  },
  {
    name: 'offsets of a stranger are taken',
    file: groupTable,
    find: '    if (!group.has(memberId)) throw unknownMember(groupId, memberId)\n',
    put: '',
    tests: [engine],
  },
  {
    name: 'an abort keeps the offsets for the next commit',
    file: transacting,
    find: 'if (!isCommit) groups.dropPending(producerId)',
    put: '',
    tests: [regressions],
  },
  {
    name: 'a plain commit does not overtake the offsets of a transaction',
    file: groupTable,
    find: '    this.#pending.overtaken(offsets)\n',
    put: '',
    tests: [regressions],
  },
  {
    name: 'who joins does not wait for offsets that are not decided',
    file: transacting,
    find: 'if (!at.some(({ topicId, partition }) => groups.isPending(groupId, topicId, partition))) return done(undefined)',
    put: 'if (at.length >= 0) return done(undefined)',
    tests: ['guarantees/6-acknowledged-only-with-the-transaction.test.ts'],
  },
  {
    name: 'a batch is committed by whoever has its partition again',
    file: 'client/consumer/assignment.ts',
    find: 'if (found !== undefined && found === held) return found',
    put: 'if (found !== undefined) return found',
    tests: [lateCommits],
  },
  {
    name: 'what was given up is committed by a call of before',
    file: 'client/consumer/offset-commits.ts',
    find: '      for (const { held } of call.places) assignment.stillHeld(held, held)\n',
    put: '',
    tests: [lateCommits],
  },
  {
    name: 'what was given up is committed by a call that is tried again',
    file: 'client/consumer/offset-commits.ts',
    find: `    for (;;) {
      for (const { held } of call.places) assignment.stillHeld(held, held)
`,
    put: `    for (const { held } of call.places) assignment.stillHeld(held, held)
    for (;;) {
`,
    tests: [lateCommits],
  },
  {
    name: 'an offset that is gone is reset under a seek',
    file: 'client/consumer/fetcher.ts',
    find: 'reset !== undefined && assigned.position === from',
    put: 'reset !== undefined',
    tests: ['client/consumer.test.ts'],
  },
  {
    name: 'generations begin again when a group is deleted',
    file: 'coordinator/group/group-table.ts',
    find: '?.generation ?? this.#endedGeneration',
    put: '?.generation ?? 0',
    tests: [groups],
  },
  {
    name: 'a plain commit of an old generation is taken',
    file: groupTable,
    find: "    group.checked(memberId, 'commit')\n    group.assertGeneration(generation)\n",
    put: "    group.checked(memberId, 'commit')\n",
    tests: [groups],
  },
  {
    name: 'a consumer stays before what nobody reads',
    file: 'client/consumer/assigned-partition.ts',
    find: '    if (buffer.isEmpty) this.#position = buffer.endOffset\n',
    put: '',
    tests: ['client/consumer-positions.test.ts'],
  },
  {
    name: 'who is beyond the end lags by less than nothing',
    file: 'engine/unread.ts',
    find: '  return endOffset\n}',
    put: '  return offset\n}',
    tests: ['client/consumer-positions.test.ts'],
  },
  {
    name: 'a lag counts offsets that an unclean end left unused before the first record',
    file: 'engine/unread.ts',
    find: 'return Math.max(from, batches[0].header.baseOffset)',
    put: 'return from',
    tests: ['client/lag.test.ts'],
  },
  {
    name: 'a lag counts offsets that an unclean end left unused after the last record',
    file: 'engine/unread.ts',
    find: 'return Math.min(limit, store.ranges(id).at(-1)?.nextOffset ?? watermarks.logStartOffset)',
    put: 'return store === undefined ? id.partition : limit',
    tests: ['client/lag.test.ts'],
  },
  {
    name: 'a record that was committed by itself stays unfinished',
    file: 'client/consumer/finished-offsets.ts',
    find: '    if (this.#current !== undefined && this.#current.from >= this.#current.to) this.#current = undefined\n',
    put: '',
    tests: ['client/consumer-positions.test.ts'],
  },
  {
    name: 'no rewind after offsets that passed unfinished records',
    file: 'client/consumer/consumer.ts',
    find: '        passedUnfinished?.(found)\n',
    put: '',
    tests: ['client/transaction-offsets.test.ts'],
  },
  {
    name: 'an abort wakes nobody who waits for records',
    file: 'client/consumer/consumer.ts',
    find: '      this.#membership.wake()\n    }\n    const places',
    put: '    }\n    const places',
    tests: ['client/consumer-positions.test.ts'],
  },
  {
    name: 'a seek to a time moves what was given up meanwhile',
    file: 'client/consumer/consumer.ts',
    find: 'this.#membership.assignment.findAgain(partition).seek(found',
    put: 'partition.seek(found',
    tests: ['client/consumer.test.ts'],
  },
  {
    name: 'a seek to a time moves the partition of a topic that was created again meanwhile',
    file: 'client/consumer/assignment.ts',
    find: 'if (found.topicId === before.topicId) return found',
    put: 'if (found.topicId !== undefined) return found',
    tests: ['client/recreated-topics.test.ts'],
  },
  {
    name: 'a topic that goes as an offset of it is reset ends the iteration',
    file: 'client/consumer/fetcher.ts',
    find: "      if (!LogError.is(error, 'UNKNOWN_TOPIC_OR_PARTITION')) throw error\n      return",
    put: '      if (LogError.is(error)) throw error\n      return',
    tests: ['client/deleted-while-assigned.test.ts'],
  },
  {
    name: 'a commit that is tried again takes partitions of later commits with it',
    file: 'client/consumer/commit-order.ts',
    find: '    return call.places.filter(({ held }) => this.#acknowledgedOf(held) <= call.ordinal)',
    put: '    return call.places',
    tests: ['client/late-commits.test.ts'],
  },
  {
    name: 'a commit that is tried again waits for no later one under way',
    file: 'client/consumer/offset-commits.ts',
    find: '      if (later !== undefined) await later.catch(() => {})\n      else if (await this',
    put: '      if (await this',
    tests: ['client/late-commits.test.ts'],
  },
  {
    name: 'a seek to a time wins over a later seek',
    file: 'client/consumer/assigned-partition.ts',
    find: '    if (call < this.#seekCall) return\n',
    put: '',
    tests: ['client/seeks-under-way.test.ts'],
  },
  {
    name: 'a commit that is tried again comes after what a transaction was given since',
    file: 'client/consumer/commit-turns.ts',
    find: '      for (const { before } of turns) if (before !== undefined) await before\n',
    put: '',
    tests: [lateCommits],
  },
  {
    name: 'an abort leads back to what a transaction was given before a plain commit',
    file: 'client/consumer/assigned-partition.ts',
    find: ' || finish < this.#committedFinish',
    put: '',
    tests: [lateCommits],
  },
  {
    name: 'a group is moved by name, to offsets of a topic that is gone',
    file: 'client/admin/reset-offsets.ts',
    find: 'topicId: topicIds.get(topic)',
    put: 'topicId: undefined',
    tests: ['client/recreated-topics.test.ts'],
  },
  {
    name: 'a group is moved from where it was in a topic that was made again before its id was asked',
    file: 'client/admin/reset-offsets.ts',
    find: '(await group.places(session)) ?? []',
    put: 'known ?? []',
    tests: ['client/recreated-topics.test.ts'],
  },
  {
    name: 'offsets that an administrator sets are of the topic that has the name',
    file: 'engine/sessions/admin-session.ts',
    find: 'topicId: topicId ?? topics.facts(topic).topicId',
    put: 'topicId: topics.facts(topic).topicId ?? topicId',
    tests: ['client/recreated-topics.test.ts'],
  },
  {
    name: "offsets of the log's own topics are refused as those of topics that are gone",
    file: 'engine/engine-parts.ts',
    find: ' ?? INTERNAL_TOPICS.get(topicId)\n',
    put: '\n',
    tests: ['engine/groups-of-own-topics.test.ts', 'engine/shared-own-topics.test.ts'],
  },
]
