import type { FinalRead, SeenRecord } from '../../../../bindings/testkit/history/history.ts'
import type { OpenSend } from '../recording.ts'
import type { World } from '../world.ts'

export interface Compacted {
  /** What no pass did after all that time. */
  left: readonly string[]
  /** By partition: below it no key has an older record. */
  cleaned: readonly number[]
  /** When the programs had ended. */
  endMs: number
  /** All of the topic, once nothing was left to compact. */
  last: readonly FinalRead[]
  lastMs: number
}

/**
 * The newest record of each key is there, what is there was sent and not aborted, and what a pass was over is clean.
 */
export function judgeCompaction(world: World, found: readonly FinalRead[], compacted: Compacted): string[] {
  const wrong = [...compacted.left]
  const moving = { isStill: false, nowMs: compacted.endMs }
  const still = { isStill: true, nowMs: compacted.lastMs }
  for (const { partition, records } of found) wrong.push(...judgePartition(world, partition, records, moving))
  for (const { partition, records } of compacted.last) {
    wrong.push(...judgePartition(world, partition, records, still))
    wrong.push(...judgeCleaned(world, partition, records, compacted.cleaned[partition] ?? 0))
  }
  return wrong
}

/**
 * When a read was over, and whether no pass ran beside it: else it may have seen what was there before one and after
 * it.
 */
interface Moment {
  readonly isStill: boolean
  readonly nowMs: number
}

function judgePartition(world: World, partition: number, records: readonly SeenRecord[], at: Moment): string[] {
  const wrong: string[] = []
  const sends = world.recording.sends.filter((send) => send.partition === partition)
  const byValue = new Map(sends.map((send) => [send.value, send]))
  const offsets = new Map(records.map(({ offset, value }) => [value, offset]))
  if (offsets.size < records.length) wrong.push(`a record stands twice in t-${partition}`)
  for (const { offset, value } of records) {
    const send = byValue.get(value)
    if (send === undefined) wrong.push(`${value} in t-${partition} was sent by nobody`)
    else if (world.recording.fateOf(send) === 'absent') wrong.push(`${value} is there and was aborted`)
    else if (send.offset !== undefined && send.offset >= 0 && send.offset !== offset)
      wrong.push(`${value} was acknowledged at ${send.offset} of t-${partition} and is at ${offset}`)
  }
  for (const ofKey of grouped(sends).values()) wrong.push(...new Key(world, ofKey, offsets, at).judge())
  return wrong
}

function grouped(sends: readonly OpenSend[]): Map<string, OpenSend[]> {
  const groups = new Map<string, OpenSend[]>()
  for (const send of sends) {
    const group = groups.get(send.key ?? '')
    if (group === undefined) groups.set(send.key ?? '', [send])
    else group.push(send)
  }
  return groups
}

/** All that was sent under one key to one partition. */
class Key {
  readonly #world: World
  readonly #sends: readonly OpenSend[]
  readonly #offsets: ReadonlyMap<string, number>
  readonly #at: Moment

  constructor(world: World, sends: readonly OpenSend[], offsets: ReadonlyMap<string, number>, at: Moment) {
    this.#world = world
    this.#sends = sends
    this.#offsets = offsets
    this.#at = at
  }

  judge(): string[] {
    const { recording } = this.#world
    const last = Math.max(-1, ...this.#sends.map(({ value }) => this.#offsets.get(value) ?? -1))
    const wrong: string[] = []
    for (const send of this.#sends) {
      const { value, offset, partition, key } = send
      const isThere = this.#offsets.has(value)
      if (recording.fateOf(send) !== 'there' || offset === undefined || offset < 0) continue
      if (isThere || offset < last || this.#isExpired(send)) continue
      if (send.isDeletion === true ? this.#mayBeForgotten(send) : this.#isDeleted(offset)) continue
      wrong.push(`the newest record of ${key} in t-${partition}, ${value} at ${offset}, is lost`)
    }
    return this.#at.isStill ? [...wrong, ...this.#deletedAndBack(last)] : wrong
  }

  /** By a deletion after it, which may be gone itself. */
  #isDeleted(offset: number): boolean {
    const { recording } = this.#world
    return this.#sends.some((send) => {
      const isBehind = send.offset === undefined || send.offset < 0 || send.offset > offset
      return send.isDeletion === true && isBehind && recording.fateOf(send) !== 'absent'
    })
  }

  #mayBeForgotten({ timestamp = 0, offset = 0 }: OpenSend): boolean {
    const { deleteRetentionMs } = this.#world.plan.settings
    return timestamp + deleteRetentionMs < this.#at.nowMs || this.#isDeleted(offset)
  }

  #isExpired({ timestamp = 0 }: OpenSend): boolean {
    const { cleansByTime, retentionMs } = this.#world.plan.settings
    return cleansByTime && retentionMs >= 0 && timestamp + retentionMs < this.#at.nowMs
  }

  /** A deletion goes after everything that it deletes. */
  #deletedAndBack(last: number): string[] {
    const { recording } = this.#world
    const gone = this.#sends.filter((send) => {
      const isSurelyWritten = recording.fateOf(send) === 'there' && (send.offset ?? -1) > last
      return send.isDeletion === true && isSurelyWritten && last >= 0 && !this.#offsets.has(send.value)
    })
    return gone.map(
      ({ key, offset, partition }) => `${key} in t-${partition} was deleted at ${offset} and is back at ${last}`,
    )
  }
}

/** A pass that went so far left one record of each key below it, the newest. */
function judgeCleaned(world: World, partition: number, records: readonly SeenRecord[], cleaned: number): string[] {
  const keys = new Map(world.recording.sends.map(({ value, key }) => [value, key]))
  const seen = new Map<string | undefined, number>()
  const wrong: string[] = []
  for (const { offset, value } of records) {
    if (offset >= cleaned) break
    const key = keys.get(value)
    const older = seen.get(key)
    if (older !== undefined)
      wrong.push(`t-${partition} is cleaned up to ${cleaned} and has ${key} at ${older} and ${offset}`)
    seen.set(key, offset)
  }
  return wrong
}
