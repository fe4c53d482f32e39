// Browsing: the whole topic as a table, the state as of a place, and what came since a moment. No group, nothing is
// committed.
//
//   node --import tsx examples/replay.ts [directory]
import { json, type Log, open, type ReadOptions, topic, unchecked } from 'oncelog'

const ledger = topic('ledger', { value: unchecked<number>(json()), partitions: 2 })

/** The newest value of each key. */
async function table(log: Log, options: ReadOptions): Promise<Map<string, number>> {
  const rows = new Map<string, number>()
  for await (const { key, value } of log.read(ledger, options)) {
    if (key === null) continue
    if (value === null) rows.delete(key)
    else rows.set(key, value)
  }
  return new Map([...rows].sort())
}

const log = await open(process.argv[2] ?? './data', { topics: [ledger] })
try {
  const producer = log.producer()
  const noon = Date.UTC(2026, 10, 26, 12)
  const day = [
    { key: 'ada', value: 10, timestamp: noon - 2 },
    { key: 'bob', value: 20, timestamp: noon - 1 },
    { key: 'ada', value: 15, timestamp: noon },
    { key: 'bob', value: null, timestamp: noon + 1 },
  ]
  const morning = await producer.send(day.slice(0, 2).map((each) => ledger.record(each)))
  await producer.send(day.slice(2).map((each) => ledger.record(each)))

  console.log('now      ', await table(log, { until: 'end' }))
  // A position names the next record, an offset this one.
  const then = morning.map(({ topic, partition, offset }) => ({ topic, partition, nextOffset: offset + 1 }))
  console.log('at noon  ', await table(log, { until: then }))
  console.log('since    ', await table(log, { from: { timestamp: noon }, until: 'end' }))
} finally {
  await log.close()
}
