import { LogError } from '../../model/errors.ts'
import type { TableRecord } from './table-record.ts'

/** A state without I/O. `apply` throws before it changes anything. */
export interface Table<Entry> {
  apply(entry: Entry): void
}

/** Applied entries are dropped from the list in batches of this size. */
const AT_ONCE = 1024

/**
 * One table in two states: `durable`, as far as records were committed, and `planned`, which is ahead of it by what
 * waits for its commit. Plans are checked against `planned`, so two of them in one commit can't contradict each other
 * (a topic created twice, an offset committed for a topic whose delete is under way); readers see `durable`.
 *
 * Planned records come back in the order of their plans, as the same objects. A record that comes while none is under
 * way was read at open and changes both. A plan can't be undone: a log whose commit failed takes no further plans.
 */
export class PlannedTable<Entry, T extends Table<Entry>> {
  readonly durable: T
  readonly planned: T
  /**
   * In the order of their plans; those before `#firstUnderWay` are applied. A list with an index, because finding the
   * first entry of a map costs as much as was removed before it.
   */
  #underWay: { readonly record: TableRecord; readonly entry: Entry }[] = []
  #firstUnderWay = 0

  constructor(durable: T, planned: T) {
    this.durable = durable
    this.planned = planned
  }

  plan(entry: Entry, record: TableRecord): TableRecord {
    this.planned.apply(entry)
    this.#underWay.push({ record, entry })
    return record
  }

  /** `decode` is called only for a record that wasn't planned here. Returns what was applied. */
  apply(record: TableRecord, decode: () => Entry | undefined): Entry | undefined {
    const next = this.#underWay[this.#firstUnderWay]
    if (next === undefined) {
      const entry = decode()
      if (entry === undefined) return undefined
      this.durable.apply(entry)
      this.planned.apply(entry)
      return entry
    }
    const { entry } = next
    if (next.record !== record) {
      throw new LogError('INVALID_REQUEST', 'records must be applied in the order in which they were planned')
    }
    this.durable.apply(entry)
    this.#passed()
    return entry
  }

  #passed(): void {
    this.#firstUnderWay++
    if (this.#firstUnderWay < this.#underWay.length && this.#firstUnderWay < AT_ONCE) return
    this.#underWay = this.#underWay.slice(this.#firstUnderWay)
    this.#firstUnderWay = 0
  }
}
