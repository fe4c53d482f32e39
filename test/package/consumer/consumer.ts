// Compiled against the packed package by check.ts; names only what every surrounding has.
import * as oncelog from 'oncelog'
import type { ConformanceCase } from 'oncelog/conformance'
import { msgpack } from 'oncelog/msgpack'

const points: oncelog.Topic<'points', string, string, { x: number }, { x: number }> = oncelog.topic('points', {
  value: msgpack<{ x: number }>(),
})

export const names: readonly string[] = Object.keys(oncelog)
export type Case = ConformanceCase

export async function program(signal: oncelog.AbortSignalLike | undefined): Promise<number> {
  const log = await oncelog.openMemory({ topics: [points] })
  const { offset } = await log.producer().send(points.record({ key: 'a', value: { x: 1 } }), { signal })
  const [first] = await log.producer().send([{ topic: 'points', key: null, value: new Uint8Array(1) }])
  const consumer: oncelog.Consumer<typeof points> = log.consumer({ groupId: 'g', topics: [points], signal: undefined })
  for await (const record of consumer) {
    await consumer.commit(record)
    const x: number | undefined = record.value?.x
    if (x !== undefined) break
  }
  for await (const { value } of log.read('points', { until: 'end' })) {
    const bytes: ArrayBuffer | undefined = value?.buffer
    if (bytes === undefined) continue
  }
  const { done } = await log.read(points).toReadableStream().getReader().read()
  const rows = async function* (after: number | undefined, given: oncelog.AbortSignalLike) {
    if (after === undefined && !given.aborted) yield { position: 1, records: [] }
  }
  await log.ingest<number>({ source: 'rows', read: (after, given) => rows(after, given) }).close()
  await log[Symbol.asyncDispose]()
  return done ? offset : (first?.offset ?? offset)
}
