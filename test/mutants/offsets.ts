import type { Mutant } from './mutant.ts'

const engine = 'engine/transactions.test.ts'
const regressions = 'regressions/transactions.test.ts'
const groups = 'coordinator/group/groups.test.ts'
const lateCommits = 'client/late-commits.test.ts'
const transacting = 'engine/transacting.ts'
const groupTable = 'coordinator/group/groups.ts'

export const OFFSETS: readonly Mutant[] = [
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
    name: 'a plan of the user’s own gives partitions to members that don’t read them',
    file: 'client/consumer/lead.ts',
    find: 'if (!exists || !member.topics.includes(topic))',
    put: 'if (!exists)',
    tests: ['client/assignors.test.ts'],
  },
  {
    name: 'offsets of a transaction outlive their group',
    file: groupTable,
    find: '    this.#pending.dropWhere((offset) => offset.groupId === groupId)\n',
    put: '',
    tests: [groups],
  },
  {
    name: 'a rebalance waits by the wall clock',
    file: 'coordinator/group/live-group.ts',
    find: '    this.#deadline += byMs\n',
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
    file: 'client/consumer/membership.ts',
    find: '      for (const each of held) this.assignment.stillHeld(each, each)\n',
    put: '',
    tests: [lateCommits],
  },
  {
    name: 'what was given up is committed by a call that is tried again',
    file: 'client/consumer/membership.ts',
    find: `    for (;;) {
      for (const each of held) this.assignment.stillHeld(each, each)
`,
    put: `    for (const each of held) this.assignment.stillHeld(each, each)
    for (;;) {
`,
    tests: [lateCommits],
  },
  {
    name: 'a member whose program works on what it fetched ahead polls no more',
    file: 'client/consumer/consumer-run.ts',
    find: 'this.#membership.isUnsettled || this.#membership.isPollDue',
    put: 'this.#membership.isUnsettled',
    tests: ['client/poll-interval.test.ts'],
  },
  {
    name: 'an outcome that was interrupted comes into force, whatever the group was told since',
    file: 'client/consumer/membership.ts',
    find: '      if (joins === this.#joins) this.#next ??= next\n      else',
    put: '      this.#next ??= next\n      if (joins !== this.#joins)',
    tests: ['client/interrupted-outcomes.test.ts'],
  },
  {
    name: 'what a member was said to have and never took stays nobody’s',
    file: 'client/consumer/membership.ts',
    find: '      else this.#rebalanceWanted(member)\n      throw error',
    put: '      throw error',
    tests: ['client/interrupted-outcomes.test.ts'],
  },
  {
    name: 'a member leaves while handlers are told of its first assignment',
    file: 'client/consumer/membership.ts',
    find: '    if (this.#entering !== this.#member) await this.#entering',
    put: '    await this.#entering',
    tests: ['client/rebalance-handlers.test.ts'],
  },
  {
    name: 'what a handler threw beside an iteration that was told is told again',
    file: 'client/consumer/membership.ts',
    find: ' && this.#isOver === undefined) this.#failure',
    put: ') this.#failure',
    tests: ['client/rebalance-handlers.test.ts'],
  },
  {
    name: 'a close waits for no handler of a rebalance',
    file: 'client/consumer/membership.ts',
    find: '      await this.#handlersTold()\n',
    put: '',
    tests: ['client/rebalance-handlers.test.ts'],
  },
  {
    name: 'a rebalance takes again what a close is giving up',
    file: 'client/consumer/membership.ts',
    find: '      if (this.#isClosed && this.#settling === undefined) throw new Interruption(true)\n',
    put: '',
    tests: ['client/rebalance-handlers.test.ts'],
  },
  {
    name: 'what a topic that is made again has no more is given up, and its commit refused',
    file: 'client/consumer/assignment.ts',
    find: 'topicId !== undefined && ids.get(topic) !== topicId',
    put: 'topicId !== undefined && (ids.get(topic) ?? topicId) !== topicId',
    tests: ['client/recreated-topics.test.ts'],
  },
  {
    name: 'what is on its way into force is given to others while handlers are told',
    file: 'client/consumer/assignment.ts',
    find: '    this.#added = added\n    try',
    put: '    try',
    tests: ['client/rebalance-handlers.test.ts'],
  },
  {
    name: 'a partition that a topic made again has no more ends its readers',
    file: 'engine/fetch-reads.ts',
    find: '      assertSameTopic(position, topics.facts(position.topic))\n',
    put: '',
    tests: ['engine/recreated-topics.test.ts'],
  },
  {
    name: 'an offset that is gone is reset under a seek',
    file: 'client/consumer/fetcher.ts',
    find: 'reset !== undefined && assigned.position === from',
    put: 'reset !== undefined',
    tests: ['client/consumer.test.ts'],
  },
  {
    name: 'who has left a group is a member again by a join that was under way',
    file: 'engine/sessions/consumer-session.ts',
    find: '    this.#hasLeft = true\n',
    put: '    this.#hasJoined = false\n',
    tests: ['client/group-members.test.ts'],
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
    name: 'the group isn’t told that what was lost of a topic that is gone is free',
    file: 'client/consumer/membership.ts',
    find: '    return this.#told.some((each) => this.assignment.at(each) === undefined)\n',
    put: '    return false\n',
    tests: ['client/group-members.test.ts'],
  },
  {
    name: 'a close waits for no handler that an iteration tells of a loss',
    file: 'client/consumer/membership.ts',
    find: '    await this.#losing?.catch(() => {})\n',
    put: '',
    tests: ['client/rebalance-handlers.test.ts'],
  },
  {
    name: 'a consumer stays before what nobody reads',
    file: 'client/consumer/assigned-partition.ts',
    find: '    if (buffer.isEmpty) this.#position = buffer.endOffset\n',
    put: '',
    tests: ['client/consumer-places.test.ts'],
  },
  {
    name: 'who is beyond the end lags by less than nothing',
    file: 'client/consumer/consumer.ts',
    find: 'Math.max(0, (ends[index]?.nextOffset ?? 0) - each.position)',
    put: '(ends[index]?.nextOffset ?? 0) - each.position',
    tests: ['client/consumer-places.test.ts'],
  },
  {
    name: 'a record that was committed by itself stays unfinished',
    file: 'client/consumer/finished-offsets.ts',
    find: '    if (this.#current !== undefined && this.#current.from >= this.#current.to) this.#current = undefined\n',
    put: '',
    tests: ['client/consumer-places.test.ts'],
  },
  {
    name: 'an abort wakes nobody who waits for records',
    file: 'client/consumer/consumer.ts',
    find: '        this.#membership.wake()\n      },\n',
    put: '      },\n',
    tests: ['client/consumer-places.test.ts'],
  },
]
