// The offsets that acknowledge a record are part of the transaction: they count with its commit, or never.
//
//   node --import tsx examples/guarantees/6-acknowledged-only-with-the-transaction.ts [directory]
import { type EmbeddedLog, open, string, topic } from 'oncelog'

const input = topic('input', { value: string })
const output = topic('output', { value: string })
const [directory = './data'] = process.argv.slice(2)
const log = await open(directory, { topics: [input, output] })
await log.producer().send(['a', 'b'].map((value) => input.record({ value })))

const consumer = log.consumer({ groupId: 'copy', topics: [input] })
const producer = log.producer({ transactionalId: 'copy' })
let failures = 1
for await (const record of consumer) {
  console.log(`delivered ${record.value}`)
  try {
    await producer.transaction(async (transaction) => {
      await transaction.sendOffsets(consumer, record)
      await transaction.send(output.record({ value: record.value ?? '' }))
      await show(log, 'inside')
      if (failures-- > 0) throw new Error('it fails after both')
    })
    await show(log, 'committed')
  } catch (error) {
    await show(log, `aborted, ${(error as Error).message}`)
  }
  if (record.value === 'b') break
}
await log.close()

async function show(seen: EmbeddedLog, when: string): Promise<void> {
  const values: (string | null)[] = []
  for await (const { value } of seen.read(output, { until: 'end' })) values.push(value)
  const [group] = await seen.admin.listGroups()
  const acknowledged = group?.offsets[0]?.nextOffset ?? 0
  console.log(`  ${when}: ${acknowledged} acknowledged, output ${values.join(' ') || 'empty'}`)
}
