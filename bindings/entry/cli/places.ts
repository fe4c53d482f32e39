import { type Log, LogError, type Position, type TopicPartition } from '../node.ts'
import { type Progress, progressBar } from './progress.ts'

export async function placesOf(log: Log, topic: string, only?: number): Promise<TopicPartition[]> {
  const { partitions } = await log.admin.describeTopic(topic)
  const all = Array.from({ length: partitions }, (_, partition) => ({ topic, partition }))
  if (only === undefined) return all
  if (only < partitions) return all.slice(only, only + 1)
  const message = `topic "${topic}" has partitions 0 to ${partitions - 1}, not ${only}`
  throw new LogError('UNKNOWN_TOPIC_OR_PARTITION', message, { topic, partition: only, partitions })
}

export async function endsOf(log: Log, places: readonly TopicPartition[]): Promise<Position[]> {
  const ends = await log.admin.offsets(places)
  return ends.map(({ topic, partition, lastStableOffset }) => ({ topic, partition, nextOffset: lastStableOffset }))
}

/** No bar on a terminal: the records themselves show the progress. */
export function progressOf(until: readonly Position[], start: readonly Position[]): Progress {
  const total = (positions: readonly Position[]) => positions.reduce((sum, { nextOffset }) => sum + nextOffset, 0)
  return progressBar('consume', process.stdout.isTTY ? 0 : total(until) - total(start), 'records')
}
