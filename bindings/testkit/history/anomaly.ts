import type { Place, Send } from './history.ts'

export type AnomalyKind =
  | 'phantom' // a value that nobody sent
  | 'conflicting' // two values at one offset, or a value elsewhere than its answer said
  | 'duplicate' // one value at two places
  | 'aborted-read' // a value whose send failed, or, read_committed, whose transaction aborted
  | 'uncommitted-read' // read_committed, or what stands behind it, before the end of its transaction was even asked for
  | 'lost' // acknowledged, and not there although later ones are
  | 'unseen' // acknowledged, and not there at the end of the partition
  | 'torn-transaction' // some of its records or offsets are there and others aren't
  | 'skipped' // a consumer passed over a record
  | 'non-monotonic' // a consumer went back without being told to
  | 'order' // a producer's records in another order than it sent them
  | 'lost-offset' // a committed offset is behind what was acknowledged
  | 'phantom-offset' // a committed offset that nobody committed, or that was aborted

/** One thing that can't have happened, and where. Values appear: a history's values are its own, made for the test. */
export interface Anomaly extends Place {
  readonly kind: AnomalyKind
  readonly offset: number | undefined
  readonly producer: string | undefined
  readonly value: string | undefined
  readonly detail: string
}

export type Report = (anomaly: Anomaly) => void

/** An anomaly of a value that was sent. */
export function ofSend(kind: AnomalyKind, send: Send, offset: number | undefined, detail: string): Anomaly {
  const { topic, partition, producer, value } = send
  return { kind, topic, partition, offset, producer, value, detail }
}

export function describeAnomaly(anomaly: Anomaly): string {
  const { kind, topic, partition, offset, producer, value, detail } = anomaly
  const at = offset === undefined ? '' : ` at ${offset}`
  const what = value === undefined ? '' : `, value ${value}`
  const who = producer === undefined ? '' : ` of producer ${producer}`
  return `${kind}: ${topic}-${partition}${at}${what}${who}: ${detail}`
}
