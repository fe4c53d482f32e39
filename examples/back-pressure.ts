// Many records, bounded memory, kept order: when to await a send, and what lingering does.
//
//   node --import tsx examples/back-pressure.ts [directory]
import { open, string, topic } from 'oncelog'

const COUNT = 20_000
const readings = topic('readings', { key: string, value: string, partitions: 2 })

const log = await open(process.argv[2] ?? './data', { topics: [readings] })
try {
  // `lingerMs` lets records that are sent one by one share a batch. Beyond `bufferBytes` unanswered, `send` waits.
  const producer = log.producer({ lingerMs: 2, batchSizeBytes: 64 * 1024, bufferBytes: 1024 * 1024 })
  const waiting = new Set<Promise<unknown>>()
  for (let index = 0; index < COUNT; index++) {
    // Not awaited one by one: calls of a producer keep their order all the same.
    const sending = producer.send(readings.record({ key: `sensor ${index % 10}`, value: String(index) }))
    waiting.add(sending)
    sending.then(
      () => waiting.delete(sending),
      () => {}, // Told by the `Promise.all` that awaits it.
    )
    // What isn't sent yet is held by this program: wait now and then, or it grows as large as the input.
    if (waiting.size >= 5000) await Promise.all(waiting)
  }
  await Promise.all(waiting)

  const last = new Map<string, number>()
  let isInOrder = true
  let count = 0
  for await (const { key, value } of log.read(readings, { until: 'end' })) {
    isInOrder &&= Number(value) > (last.get(key ?? '') ?? -1)
    last.set(key ?? '', Number(value))
    count++
  }
  console.log(`${count} records of ${last.size} sensors, each sensor's in order: ${isInOrder}`)
} finally {
  await log.close()
}
