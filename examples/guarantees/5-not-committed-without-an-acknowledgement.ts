// A producer dies in each state of its transaction. Nobody answers for it: what is durable decides.
//
//   node --import tsx examples/guarantees/5-not-committed-without-an-acknowledgement.ts [directory]
import { fileURLToPath } from 'node:url'
import { open, string, topic } from 'oncelog'
import { crash, inProcess } from './crashing.ts'

const left = topic('left', { value: string })
const right = topic('right', { value: string })
const topics = [left, right]
const STATES = [
  'before the first send',
  'between two sends',
  'after asking for the commit',
  'after the answer',
] as const
const [directory = './data', dies] = process.argv.slice(2)

async function producer(): Promise<void> {
  const log = await open(directory, { topics })
  const transaction = await log.producer({ transactionalId: `dies ${dies}` }).beginTransaction()
  if (dies === STATES[0]) crash()
  await transaction.send(left.record({ value: `dies ${dies}` }))
  if (dies === STATES[1]) crash()
  await transaction.send(right.record({ value: `dies ${dies}` }))
  const committed = transaction.commit()
  if (dies === STATES[2]) crash()
  await committed
  crash()
}

async function main(): Promise<void> {
  for (const state of STATES) await inProcess(fileURLToPath(import.meta.url), directory, state)
  const log = await open(directory, { topics })
  const visible: (string | null)[] = []
  for await (const { value } of log.read(topics, { until: 'end' })) visible.push(value)
  for (const state of STATES) {
    const [{ state: ended } = { state: '' }] = await log.admin.describeTransactions([`dies ${state}`])
    console.log(
      `dies ${state}: ${ended}, ${visible.filter((value) => value === `dies ${state}`).length} records visible`,
    )
  }
  await log.close()
}

await (dies === undefined ? main() : producer())
