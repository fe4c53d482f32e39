import { describeAnomaly } from '../../../../bindings/testkit/history/anomaly.ts'
import { checkHistory } from '../../../../bindings/testkit/history/check-history.ts'
import type { FinalRead, Isolation, SeenRecord } from '../../../../bindings/testkit/history/history.ts'
import type { SimulatedProcess } from '../process.ts'
import { ALL_PARTITIONS, PARTITIONS, type Program, textsOf, type World } from '../world.ts'

/** What the processes of a run do, and what decides whether all of it was right. */
export interface Story {
  /** The disk lies, so the log may refuse to open. */
  readonly mayBeDamaged?: true
  /** Topics, and what stands in them before the programs begin. */
  prepare(process: SimulatedProcess, world: World): Promise<void>
  /** Of each process, until the run ends. */
  readonly program: Program
  /** Reads along, for as long as its process lives. */
  follow?(process: SimulatedProcess, world: World): Promise<void>
  /** All that was to be done is done: asked again and again once nothing goes wrong any more. */
  isDone?(process: SimulatedProcess, world: World): Promise<boolean>
  /** Once all programs have ended, by the processes that they leave: what goes on as it did before. */
  settle?(processes: readonly SimulatedProcess[], world: World): Promise<void>
  /** When all programs have ended, with a fresh process: what is judged is read. */
  end(process: SimulatedProcess, world: World): Promise<void>
  /** What no log may do. */
  judge(world: World): readonly string[]
}

export const GROUP = 'group'

/** By the checker of histories alone. */
export function judgeHistory({ recording }: World): string[] {
  return checkHistory(recording.history(GROUP, 'in')).anomalies.map(describeAnomaly)
}

/** Reads along from the first record, and says so. */
export function seenFromStart({ recording }: World, topic: string) {
  const begun = new Set<string>()
  return (reader: string, partition: number, isolation: Isolation, records: SeenRecord[]): void => {
    if (!begun.has(reader)) for (const each of ALL_PARTITIONS) recording.positioned(reader, topic, each, 0)
    begun.add(reader)
    recording.polled(reader, isolation, topic, partition, records)
  }
}

/** All of a topic, as a fresh reader finds it. */
export async function readTopic({ log }: SimulatedProcess, world: World, topic: string): Promise<FinalRead[]> {
  const found = Array.from({ length: PARTITIONS }, (): SeenRecord[] => [])
  for await (const batch of log.read(topic, { until: 'end' }).batches())
    found[batch.partition]?.push(...textsOf(world, batch))
  for (const [partition, records] of found.entries()) world.recording.shown(topic, partition, records)
  return found.map((records, partition) => ({ topic, partition, records }))
}

/** Inputs that stand in a topic before the programs begin, shared out over its partitions. */
export async function fill(
  { log }: SimulatedProcess,
  { recording, plan }: World,
  topic: string,
  keyOf: (index: number) => string | undefined = () => undefined,
): Promise<void> {
  const sends = Array.from({ length: plan.settings.inputs }, (_, index) => {
    const value = `${topic}#${recording.number()}`
    return recording.send({ topic, partition: index % PARTITIONS, producer: 'filler', value, key: keyOf(index) })
  })
  const records = sends.map(({ partition, value, key }) => ({ topic, partition, value, key }))
  recording.acknowledged(sends, await log.producer().send(records))
}
