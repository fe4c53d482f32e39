import type { Mutant } from './mutant.ts'

const engine = 'engine/transactions.test.ts'
const regressions = 'regressions/transactions.test.ts'
const idempotence = 'regressions/idempotence.test.ts'
const table = 'coordinator/transaction/transactions.test.ts'
const transacting = 'engine/transacting.ts'
const transactions = 'coordinator/transaction/transactions.ts'
const partition = 'log/partition/partition.ts'
const commits = 'engine/commit-queue.ts'

export const TRANSACTIONS: readonly Mutant[] = [
  {
    name: 'a transaction goes on over a close without its offsets',
    file: transactions,
    find: 'const goesOn = !open.hasOffsets',
    put: 'const goesOn = true',
    tests: [engine],
  },
  {
    name: 'an abort behind a commit that was refused is told that the transaction is over',
    file: 'client/transaction/open-transaction.ts',
    find: '    if (isCommitted) throw over()\n',
    put: '    if (isCommitted || this.#isOver) throw over()\n',
    tests: ['client/transaction.test.ts'],
  },
  {
    name: 'an abort behind a commit resolves, whatever became of that',
    file: 'client/transaction/open-transaction.ts',
    find: '    if (isCommitted) throw over()\n',
    put: '',
    tests: ['client/transaction.test.ts'],
  },
  {
    name: 'an append needs no open transaction',
    file: 'engine/appending.ts',
    find: 'isTransactional ? transacting.admit(hosted, producerId, request.producerEpoch) : undefined',
    put: 'undefined',
    tests: [engine],
  },
  {
    name: 'an append of another epoch joins the open transaction',
    file: transactions,
    find: "if (open !== undefined && open.producerEpoch === producerEpoch && open.state === 'Ongoing') return open",
    put: "if (open !== undefined && open.state === 'Ongoing') return open",
    tests: [regressions],
  },
  {
    name: 'a new instance fences nobody',
    file: transactions,
    find: '    open.isFenced = true\n',
    put: '',
    tests: [table],
  },
  {
    name: 'a transaction does not raise the epoch',
    file: transactions,
    find: '      : { producerId, producerEpoch: markerEpoch }\n    const record',
    put: '      : { producerId, producerEpoch }\n    const record',
    tests: [table],
  },
  {
    name: 'epochs run over',
    file: 'coordinator/transaction/transaction-entry.ts',
    find: 'return producerEpoch >= LAST_EPOCH',
    put: 'return producerEpoch > LAST_EPOCH + 1',
    tests: [table],
  },
  {
    name: 'readers go past the last stable offset',
    file: 'log/partition/last-stable-offset.ts',
    find: 'Math.min(this.#open.lowest(this.#watermarks.highWatermark), this.#heldOffset)',
    put: 'this.#watermarks.highWatermark',
    tests: [engine],
  },
  {
    name: 'partitions show a commit one after the other',
    file: commits,
    find: '      hosted.partition.holdStable()\n',
    put: '',
    tests: [regressions],
  },
  {
    name: 'aborted records are not filtered',
    file: partition,
    find: 'return { ...read, batches: withoutAborted(read.batches, aborted) }',
    put: 'return read',
    tests: [engine],
  },
  {
    name: 'the filter takes all transactions of a producer that aborted one',
    file: 'log/partition/abort-filter.ts',
    find: 'return (own?.[0]?.firstOffset ?? Number.POSITIVE_INFINITY) > baseOffset',
    put: 'return own === undefined',
    tests: [engine],
  },
  {
    name: 'markers do not close the transaction in their partition',
    file: partition,
    find: 'const firstOffset = this.#open.end(producerId)',
    put: 'const firstOffset = this.#open.firstOffsetOf(producerId)',
    tests: [engine],
  },
  {
    name: 'markers leave the old epoch in their partition',
    file: 'log/partition/marker.ts',
    find: '    producerEpoch,\n    coordinatorEpoch,\n',
    put: '    producerEpoch: producerEpoch - 1,\n    coordinatorEpoch,\n',
    tests: [idempotence],
  },
  {
    name: 'markers reach their segment before their frame',
    file: 'log/store/group-commit.ts',
    find: '    const sequence = yield* journal.writeFrame()\n',
    put: `    for (const decision of set.decisions) yield* this.#parts.reserve.guard(() => this.#place(decision, this.#parts.partitions(decision.id), 0))
    set = { ...set, decisions: [] }
    const sequence = yield* journal.writeFrame()
`,
    tests: [regressions],
  },
  {
    name: 'appends go on while a marker is on its way to their partition',
    file: commits,
    find: '      hosted.queue ??= []\n',
    put: '      hosted.queue ??= undefined\n',
    tests: [engine],
  },
  {
    name: 'recovery aborts nothing',
    file: transacting,
    find: 'for (const plan of plans) this.#decide(plan, () => {})',
    put: '',
    tests: [engine],
  },
  {
    name: 'recovery does not raise the epoch',
    file: 'coordinator/transaction/recovery.ts',
    find: 'Math.max(open.producerEpoch, entry?.producerEpoch ?? 0) + 1',
    put: 'Math.max(open.producerEpoch, entry?.producerEpoch ?? 0)',
    tests: [table],
  },
  {
    name: 'the recorded decision answers nobody',
    file: transactions,
    find: "if (answer === 'repeat') return { producerId: entry.producerId, producerEpoch: entry.producerEpoch }",
    put: "if (answer === 'repeat') throw this.#refusal(instance)",
    tests: [engine],
  },
  {
    name: 'a commit that was aborted is answered as done',
    file: 'coordinator/transaction/transaction-state.ts',
    find: "return event === 'abort' ? 'repeat' : 'TRANSACTION_ABORTABLE'",
    put: "return 'repeat'",
    tests: ['coordinator/transaction/transaction-state.test.ts'],
  },
  {
    name: "a commit that races the clock's abort is called misuse",
    file: 'coordinator/transaction/transaction-state.ts',
    find: "    commit: 'TRANSACTION_ABORTABLE',\n    abort: 'CONCURRENT_TRANSACTIONS',",
    put: "    commit: 'INVALID_TXN_STATE',\n    abort: 'CONCURRENT_TRANSACTIONS',",
    tests: [regressions],
  },
  {
    name: 'transactions have no timeout',
    file: 'coordinator/transaction/open-transactions.ts',
    find: 'const expired = ongoing.filter((open) => open.deadline <= now)',
    put: 'const expired = ongoing.filter(() => false)',
    tests: [engine],
  },
  {
    name: 'a close gives an open transaction its time again',
    file: transactions,
    find: "state: 'Ongoing', partitions, startMs: open.startMs }",
    put: "state: 'Ongoing', partitions, startMs: now }",
    tests: [engine],
  },
  {
    name: 'a timer is set by deadlines as they were before the clock was',
    file: 'engine/scheduler.ts',
    find: '    const now = this.now()\n    this.#timerAt = this.#engine.nextDeadline() ?? Number.POSITIVE_INFINITY\n',
    put: '    this.#timerAt = this.#engine.nextDeadline() ?? Number.POSITIVE_INFINITY\n    const now = this.now()\n',
    tests: ['engine/clock.test.ts'],
  },
  {
    name: 'timeouts follow the wall clock',
    file: 'engine/scheduler.ts',
    find: '      this.#engine.clockMoved(jumpMs)\n',
    put: '',
    tests: ['engine/clock.test.ts'],
  },
  {
    name: 'a transaction that went on over one close goes on over the next without its offsets',
    file: transactions,
    find: "if (!goesOn && entry.state !== 'Ongoing') continue",
    put: 'if (!goesOn) continue',
    tests: [table],
  },
  {
    name: 'ids expire by the wall clock, wherever it is set',
    file: 'coordinator/transaction/id-expiration.ts',
    find: '<= now - this.#movedMs',
    put: '<= now',
    tests: [table],
  },
  {
    name: 'an id that was used while the clock was back expires as it is set right',
    file: 'coordinator/transaction/id-expiration.ts',
    find: 'lastUpdateMs - (this.#movedAtUse.get(transactionalId) ?? 0)',
    put: 'lastUpdateMs',
    tests: [table],
  },
  {
    name: 'epochs go on behind the one that a crash raised beyond the last',
    file: 'coordinator/transaction/refusals.ts',
    find: "  if (event !== 'init' && entry.producerEpoch > LAST_EPOCH) throw refused(entry, 'PRODUCER_FENCED', 'has no epoch left')\n",
    put: '',
    tests: [table],
  },
  {
    name: 'a transaction of which nothing is left stays open for ever',
    file: 'coordinator/transaction/recovery.ts',
    find: '    plans.push(planAbort(recovered, transaction, entry, now))\n    open.add(transaction)\n',
    put: '',
    tests: [table],
  },
  {
    name: 'what partitions have of an older epoch goes on as the transaction of a newer one',
    file: 'coordinator/transaction/recovery.ts',
    find: ' && isCurrent(entry, each)',
    put: '',
    tests: [table],
  },
  {
    name: 'an id expires with its transaction open',
    file: transactions,
    find: ' && this.#openOfId(entry) === undefined\n      return isIdle',
    put: '\n      return isIdle',
    tests: [table],
  },
  {
    name: 'a large transaction waits for its commit as a whole',
    file: transacting,
    find: 'for (const each of this.#hostedAt(open.unflushed)) this.#hooks.wantDurable(each)',
    put: '',
    tests: ['engine/large-transactions.test.ts'],
  },
  {
    name: 'what a transaction wrote last goes ahead of its commit, which flushes again',
    file: transacting,
    find: 'open.unflushedBytes >= this.#hooks.transactionBufferBytes',
    put: 'open.unflushedBytes + sizeBytes >= this.#hooks.transactionBufferBytes',
    tests: ['engine/large-transactions.test.ts'],
  },
]
