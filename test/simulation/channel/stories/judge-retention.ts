import type { FinalRead, SeenRecord } from '../../../../bindings/testkit/history/history.ts'
import type { OpenSend } from '../recording.ts'
import { ALL_PARTITIONS, type World } from '../world.ts'

/** What a batch of one record takes at most beyond value, key and header: heads of batch and record, lengths, times. */
const OVERHEAD_BYTES = 61 + 40

/**
 * What is known of the log starts of topic `t`, and whether each may be where it is. By what programs asked and were
 * told.
 */
export class KeptTopic {
  readonly #seen: number[] = ALL_PARTITIONS.map(() => 0)
  readonly #asked: number[] = ALL_PARTITIONS.map(() => 0)
  /** Before and after the last read, by partition. */
  startsBefore: readonly number[] = []
  startsAfter: readonly number[] = []
  /** When the last read was over. */
  endMs = 0
  /** What hasn't gone after all that time. */
  left: readonly string[] = []

  sawStart(partition: number, offset: number): void {
    this.#seen[partition] = Math.max(this.#seen[partition] ?? 0, offset)
  }

  asksDeletion(partition: number, beforeOffset: number): void {
    this.#asked[partition] = Math.max(this.#asked[partition] ?? 0, beforeOffset)
  }

  judge(world: World, found: readonly FinalRead[]): string[] {
    const wrong = [...this.left]
    for (const { partition, records } of found) {
      const sends = world.recording.sends.filter((send) => send.partition === partition)
      wrong.push(...this.#judgeRecords(partition, records, sends), ...this.#judgeGone(partition, sends, world))
      const seen = this.#seen[partition] ?? 0
      const start = this.startsBefore[partition] ?? 0
      if (start < seen) wrong.push(`t-${partition} begins at ${start} and began at ${seen} before`)
    }
    return wrong
  }

  #judgeRecords(partition: number, records: readonly SeenRecord[], sends: readonly OpenSend[]): string[] {
    const wrong: string[] = []
    const [before = 0, after = 0] = [this.startsBefore[partition], this.startsAfter[partition]]
    const values = new Map(records.map(({ offset, value }) => [offset, value]))
    const sent = new Set(sends.map(({ value }) => value))
    if (new Set(values.values()).size < records.length) wrong.push(`a record stands twice in t-${partition}`)
    for (const { offset, value } of records) {
      if (offset < before) wrong.push(`t-${partition} begins at ${before}, and ${offset} is read`)
      if (!sent.has(value)) wrong.push(`${value} in t-${partition} was sent by nobody`)
    }
    for (const { value, offset, outcome } of sends) {
      if (outcome !== 'ok' || offset === undefined || offset < after) continue
      if (values.get(offset) !== value)
        wrong.push(`${value} was acknowledged at ${offset} of t-${partition}, there is ${values.get(offset)}`)
    }
    return wrong
  }

  /** Each record that is gone was deleted, expired, or had `retention.bytes` after it. */
  #judgeGone(partition: number, sends: readonly OpenSend[], { plan }: World): string[] {
    const { retentionMs, retentionBytes } = plan.settings
    const start = this.startsAfter[partition] ?? 0
    const wrong: string[] = []
    for (const { value, offset, timestamp, outcome } of sends) {
      if (outcome !== 'ok' || offset === undefined || offset < 0 || timestamp === undefined) continue
      if (offset >= start || offset < (this.#asked[partition] ?? 0)) continue
      if (retentionMs >= 0 && timestamp + retentionMs < this.endMs) continue
      if (retentionBytes >= 0 && bytesBehind(offset, sends) >= retentionBytes) continue
      const ageMs = Math.round(this.endMs - timestamp)
      wrong.push(`${value} is gone from ${offset} of t-${partition}: ${ageMs} ms old, ${retentionMs} ms are to be kept`)
    }
    return wrong
  }
}

/** At most. */
function bytesBehind(offset: number, sends: readonly OpenSend[]): number {
  let bytes = 0
  for (const send of sends)
    if (send.offset === undefined || send.offset > offset) bytes += lengthOf(send) + OVERHEAD_BYTES
  return bytes
}

function lengthOf({ value, key, copy }: OpenSend): number {
  const header = copy === undefined ? 0 : 'copy'.length + copy.length
  return value.length + (key?.length ?? 0) + header
}
