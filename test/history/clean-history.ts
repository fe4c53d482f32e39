import { HistoryRecorder } from '../../bindings/testkit/history/recorder.ts'
import { Random } from '../../bindings/testkit/simulation/random.ts'

/**
 * A log as it should be, so small that it is right at sight: partitions are arrays, a record is readable once its
 * transaction has ended. Around it what goes wrong for clients: answers that get lost before or after the deed,
 * retries, aborts, members that come, die and resume where their group had committed.
 */
const topic = 'orders'

interface Entry {
  readonly value: string
  readonly transaction: OpenTransaction | undefined
}

interface OpenTransaction {
  readonly id: string
  end: 'open' | 'committed' | 'aborted'
}

interface Member {
  readonly name: string
  readonly partition: number
  readonly isolation: 'read_committed' | 'read_uncommitted'
  position: number
}

export class CleanHistory {
  readonly recorder: HistoryRecorder = new HistoryRecorder()
  operationCount = 0
  readonly #random: Random
  readonly #partitions: Entry[][]
  /** -1 for none. */
  readonly #committed: number[]
  /** Below it everything is decided; only moved on, so that reading stays linear. */
  readonly #stable: number[]
  readonly #members: Member[] = []
  readonly #open: Map<string, OpenTransaction> = new Map()
  #names = 0

  constructor(seed: number, partitions: number) {
    this.#random = new Random(seed)
    this.#partitions = Array.from({ length: partitions }, () => [])
    this.#committed = this.#partitions.map(() => -1)
    this.#stable = this.#partitions.map(() => 0)
    for (let partition = 0; partition < partitions; partition++) {
      this.#join(partition, 'read_committed')
      this.#join(partition, 'read_uncommitted')
    }
  }

  run(operations: number): HistoryRecorder {
    while (this.operationCount < operations) this.#step()
    this.#finish()
    return this.recorder
  }

  #step(): void {
    const producer = `p${this.#random.below(8)}`
    const choice = this.#random.below(100)
    if (choice < 20) this.#send(producer, undefined)
    else if (choice < 55) this.#sendInTransaction(`t${producer}`)
    else if (choice < 92) this.#poll(this.#members[this.#random.below(this.#members.length)] as Member)
    else if (choice < 97) this.#end(`t${producer}`)
    else if (choice < 99) this.#commitOffset(this.#random.below(this.#partitions.length))
    else this.#rebalance()
  }

  #name(kind: string): string {
    return `${kind}${this.#names++}`
  }

  #send(producer: string, transaction: OpenTransaction | undefined): void {
    this.operationCount++
    const partition = this.#random.below(this.#partitions.length)
    const log = this.#partitions[partition] as Entry[]
    const value = this.#name('v')
    const id = transaction?.id
    // In a transaction a send that isn't acknowledged leaves nothing but its abort, so here every one of them is.
    const luck = transaction === undefined ? this.#random.unit() : 0
    const base = { topic, partition, producer, value, transaction: id }
    if (luck > 0.98) {
      this.recorder.sent({ ...base, outcome: 'failed', offset: undefined })
      return
    }
    // Asked again until it is answered: the log knows the retry for what it is.
    const isWritten = luck < 0.97
    const offset = log.length
    if (isWritten) log.push({ value, transaction })
    const outcome = luck < 0.95 ? 'ok' : 'unknown'
    this.recorder.sent({ ...base, outcome, offset: outcome === 'ok' ? offset : undefined })
  }

  #sendInTransaction(producer: string): void {
    let transaction = this.#open.get(producer)
    if (transaction === undefined) {
      transaction = { id: this.#name('x'), end: 'open' }
      this.#open.set(producer, transaction)
    }
    this.#send(producer, transaction)
  }

  #end(producer: string): void {
    const transaction = this.#open.get(producer)
    if (transaction === undefined) return
    this.operationCount++
    this.#open.delete(producer)
    const askedAt = this.recorder.tick()
    const partition = this.#random.below(this.#partitions.length)
    const isCommit = this.#random.chance(0.7)
    const isAnswered = this.#random.chance(0.9)
    const offset = this.#committed[partition] as number
    const next = Math.max(offset, this.#reader(partition).position)
    transaction.end = isCommit ? 'committed' : 'aborted'
    if (isCommit) this.#committed[partition] = next
    const outcome = isAnswered ? transaction.end : 'unknown'
    this.recorder.transactionEnded({ id: transaction.id, producer, outcome, askedAt })
    const commit = { group: 'readers', topic, partition, offset: next, transaction: transaction.id }
    this.recorder.offsetCommitted({ ...commit, outcome: 'ok' })
    // A marker takes an offset and is no record.
    for (const log of this.#partitions) log.push({ value: '', transaction })
  }

  #reader(partition: number): Member {
    return this.#members.find((m) => m.partition === partition && m.isolation === 'read_committed') as Member
  }

  #commitOffset(partition: number): void {
    this.operationCount++
    const offset = Math.max(this.#committed[partition] as number, this.#reader(partition).position)
    const luck = this.#random.unit()
    if (luck < 0.95) this.#committed[partition] = offset
    const outcome = luck < 0.9 ? 'ok' : luck < 0.98 ? 'unknown' : 'failed'
    this.recorder.offsetCommitted({ group: 'readers', topic, partition, offset, outcome, transaction: undefined })
  }

  #join(partition: number, isolation: Member['isolation']): void {
    const position = isolation === 'read_committed' ? Math.max(0, this.#committed[partition] as number) : 0
    const member = { name: this.#name('c'), partition, isolation, position }
    this.#members.push(member)
    this.recorder.positioned({ consumer: member.name, topic, partition, offset: position })
  }

  /** A member dies; another reads on from what the group had committed, some of it again. */
  #rebalance(): void {
    this.operationCount++
    const partition = this.#random.below(this.#partitions.length)
    this.#members.splice(this.#members.indexOf(this.#reader(partition)), 1)
    this.#join(partition, 'read_committed')
  }

  #poll(member: Member): void {
    const { partition, isolation, name: consumer } = member
    const end = isolation === 'read_committed' ? this.#stableEnd(partition) : this.#log(partition).length
    const to = Math.min(end, member.position + 1 + this.#random.below(12))
    const records = this.#readable(partition, member.position, to, isolation === 'read_committed')
    this.operationCount += records.length
    this.recorder.polled({ consumer, isolation, topic, partition, records })
    member.position = to
  }

  #log(partition: number): readonly Entry[] {
    return this.#partitions[partition] as Entry[]
  }

  #stableEnd(partition: number): number {
    const log = this.#log(partition)
    let stable = this.#stable[partition] as number
    while (stable < log.length && log[stable]?.transaction?.end !== 'open') stable++
    this.#stable[partition] = stable
    return stable
  }

  #readable(partition: number, from: number, to: number, isCommitted: boolean): { offset: number; value: string }[] {
    const records: { offset: number; value: string }[] = []
    const log = this.#log(partition)
    for (let offset = from; offset < to; offset++) {
      const { value, transaction } = log[offset] as Entry
      const isHidden = isCommitted && transaction !== undefined && transaction.end !== 'committed'
      if (value !== '' && !isHidden) records.push({ offset, value })
    }
    return records
  }

  #finish(): void {
    for (const producer of this.#open.keys()) this.#end(producer)
    this.#partitions.forEach((log, partition) => {
      const records = this.#readable(partition, 0, log.length, true)
      this.operationCount += records.length
      this.recorder.finallyRead({ topic, partition, records })
      this.recorder.finalOffset({ group: 'readers', topic, partition, offset: this.#committed[partition] as number })
    })
  }
}
