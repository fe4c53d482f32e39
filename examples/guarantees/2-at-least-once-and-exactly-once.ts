// The same work twice, each through a crash after its second record: at least once, and exactly once.
//
//   node --import tsx examples/guarantees/2-at-least-once-and-exactly-once.ts [directory]
import { fileURLToPath } from 'node:url'
import { type EmbeddedLog, open, string, topic } from 'oncelog'
import { crash, inProcess } from './crashing.ts'

const input = topic('input', { value: string })
const atLeastOnce = topic('at-least-once', { value: string })
const exactlyOnce = topic('exactly-once', { value: string })
const topics = [input, atLeastOnce, exactlyOnce]
const [directory = './data', part, crashAt] = process.argv.slice(2)

/** Output first, then the acknowledgement: between them it may be done again. */
async function separately(log: EmbeddedLog): Promise<void> {
  const consumer = log.consumer({ groupId: 'separately', topics: [input] })
  const producer = log.producer()
  for await (const record of consumer) {
    await producer.send(atLeastOnce.record({ value: record.value ?? '' }))
    if (record.value === crashAt) crash()
    await consumer.commit(record)
    if (record.value === 'c') break
  }
}

/** Output and acknowledgement in one transaction. */
async function together(log: EmbeddedLog): Promise<void> {
  const consumer = log.consumer({ groupId: 'together', topics: [input] })
  const producer = log.producer({ transactionalId: 'together' })
  for await (const record of consumer) {
    await producer.transaction(async (transaction) => {
      await transaction.sendOffsets(consumer, record)
      await transaction.send(exactlyOnce.record({ value: record.value ?? '' }))
      if (record.value === crashAt) crash()
    })
    if (record.value === 'c') break
  }
}

async function show(log: EmbeddedLog, out: typeof atLeastOnce | typeof exactlyOnce): Promise<void> {
  const values: (string | null)[] = []
  for await (const { value } of log.read(out, { until: 'end' })) values.push(value)
  console.log(`${out.name}: ${values.join(' ')}`)
}

async function main(): Promise<void> {
  const log = await open(directory, { topics })
  await log.producer().send(['a', 'b', 'c'].map((value) => input.record({ value })))
  await log.close()
  for (const way of ['separately', 'together']) {
    for (const at of ['b', 'nowhere']) await inProcess(fileURLToPath(import.meta.url), directory, way, at)
  }
  const after = await open(directory)
  await show(after, atLeastOnce)
  await show(after, exactlyOnce)
  await after.close()
}

if (part === undefined) await main()
else {
  const log = await open(directory, { topics })
  await (part === 'separately' ? separately(log) : together(log))
  await log.close()
}
