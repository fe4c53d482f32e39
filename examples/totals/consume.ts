// A process of its own: totals the rows per key into the topic `totals`. It can be killed at any instant. Output comes
// before the commit, so what was in the killed process's hands comes again; each total says up to which place of the
// input it counts, so that nothing is counted twice.
import { open } from 'oncelog'
import { add, GROUP, rows, type Total, totals } from './totals.ts'

const [directory = '', aim = ''] = process.argv.slice(2)

const log = await open(directory, { topics: [rows, totals] })
const known = new Map<string, Total>()
for await (const record of log.read(totals, { until: 'end' })) {
  if (record.key !== null && record.value !== null) known.set(record.key, record.value)
}

const producer = log.producer()
const consumer = log.consumer({ groupId: GROUP, topics: [rows] })
let redelivered = 0
let counted = 0
for await (const batch of consumer.batches({ maxRecords: 250 })) {
  const changed = new Map<string, Total>()
  for (const record of batch) {
    const key = record.key ?? ''
    const total = known.get(key)
    if (isCounted(total, record.partition, record.offset)) {
      redelivered++
      continue
    }
    if (record.value === null) continue
    const next = add(total, record.value, { partition: record.partition, nextOffset: record.offset + 1 })
    known.set(key, next)
    changed.set(key, next)
    counted++
  }
  if (changed.size > 0) await producer.send([...changed].map(([key, value]) => totals.record({ key, value })))
  // Between output and commit: here the parent kills, when it aims.
  process.send?.({ counted, redelivered, isOutputWritten: changed.size > 0 })
  counted = 0
  redelivered = 0
  if (aim === 'aimed') await new Promise((resume) => setTimeout(resume, 1))
  await consumer.commit(batch)
  const left = [...(await consumer.lag()).values()].reduce((sum, each) => sum + each, 0)
  if (left === 0) break
}
await log.close()
process.send?.({ done: true })
process.disconnect?.()

/** A key's rows are all in one partition: what lies below the total's place is in it. */
function isCounted(total: Total | undefined, partition: number, offset: number): boolean {
  return total !== undefined && total.input.partition === partition && offset < total.input.nextOffset
}
