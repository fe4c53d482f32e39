import type { FinalRead } from '../../../../bindings/testkit/history/history.ts'
import type { Recording } from '../recording.ts'

interface Found {
  readonly topic: string
  readonly partition: number
  readonly offset: number
}

/** What the end must look like, from what programs were told. Shares nothing with the history checker. */
export function judgeEnd(recording: Recording, kind: 'plain' | 'group'): string[] {
  const found = new Map<string, Found[]>()
  for (const { topic, partition, records } of recording.finalReads) {
    for (const { offset, value } of records) {
      found.set(value, [...(found.get(value) ?? []), { topic, partition, offset }])
    }
  }
  const wrong = [...judgeSends(recording, found), ...recording.finalReads.flatMap(judgeOrder)]
  return kind === 'group' ? [...wrong, ...judgeCopy(recording)] : wrong
}

function judgeSends(recording: Recording, found: ReadonlyMap<string, readonly Found[]>): string[] {
  const wrong: string[] = []
  const sent = new Map(recording.sends.map((send) => [send.value, send]))
  const ends = new Map(recording.transactions.map((end) => [end.id, end.outcome]))
  const byTransaction = new Map<string, boolean[]>()
  for (const [value, places] of found) {
    if (!sent.has(value)) wrong.push(`${value} was sent by nobody`)
    if (places.length > 1) wrong.push(`${value} is there ${places.length} times`)
  }
  for (const { value, outcome, offset, partition, transaction } of recording.sends) {
    const place = found.get(value)?.[0]
    if (transaction !== undefined) {
      byTransaction.set(transaction, [...(byTransaction.get(transaction) ?? []), place !== undefined])
      if (ends.get(transaction) === 'aborted' && place !== undefined) wrong.push(`${value} is there and was aborted`)
      if (ends.get(transaction) === 'committed' && place === undefined) wrong.push(`${value} was committed and is lost`)
    } else if (outcome === 'ok' && place === undefined) wrong.push(`${value} was acknowledged and is lost`)
    if (place === undefined) continue
    if (place.partition !== partition) wrong.push(`${value} is in another partition than it was sent to`)
    if (offset !== undefined && offset >= 0 && offset !== place.offset) {
      wrong.push(`${value} was acknowledged at ${offset} and is at ${place.offset}`)
    }
  }
  for (const [transaction, isThere] of byTransaction) {
    if (new Set(isThere).size > 1) wrong.push(`transaction ${transaction} is torn`)
  }
  return wrong
}

/** Values carry the number of their send. */
function judgeOrder({ topic, partition, records }: FinalRead): string[] {
  const wrong: string[] = []
  const last = new Map<string, number>()
  for (const { value } of records) {
    const [producer = '', number] = (value.split('~')[0] ?? '').split('#')
    if (number === undefined || value.includes('/')) continue
    if ((last.get(producer) ?? -1) > Number(number))
      wrong.push(`${value} is after a later one in ${topic}-${partition}`)
    last.set(producer, Number(number))
  }
  return wrong
}

/** Every input in the output, once; and the group is at the end of its input. */
function judgeCopy(recording: Recording): string[] {
  const wrong: string[] = []
  const counts = new Map<string, number>()
  for (const { topic, records } of recording.finalReads) {
    if (topic !== 'out') continue
    for (const { value } of records) {
      const input = value.slice(0, value.indexOf('/'))
      counts.set(input, (counts.get(input) ?? 0) + 1)
    }
  }
  for (const { topic, partition, records } of recording.finalReads) {
    if (topic !== 'in') continue
    for (const { value } of records) {
      const count = counts.get(value) ?? 0
      if (count !== 1) wrong.push(`input ${value} is in the output ${count} times`)
    }
    const committed = recording.finalOffsets.find((each) => each.partition === partition)?.offset
    const end = (records.at(-1)?.offset ?? -1) + 1
    if (committed !== end) wrong.push(`the group is at ${committed} of in-${partition}, its input ends at ${end}`)
  }
  return wrong
}
