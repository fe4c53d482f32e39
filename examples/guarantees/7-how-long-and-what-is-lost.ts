// How long records are kept, and what the end of the process costs at each level of acknowledgement: nothing.
//
//   node --import tsx examples/guarantees/7-how-long-and-what-is-lost.ts [directory]
import { fileURLToPath } from 'node:url'
import { LogError, open, string, topic } from 'oncelog'
import { crash, inProcess } from './crashing.ts'

const durable = topic('durable', { value: string })
const quick = topic('quick', { value: string })
const topics = [durable, quick]
const [directory = './data', part] = process.argv.slice(2)

async function sender(): Promise<void> {
  const log = await open(directory, { topics })
  await log.producer({ acks: 'all' }).send(durable.record({ value: 'survives a power cut' }))
  await log.producer({ acks: 1 }).send(quick.record({ value: 'survives kill -9' }))
  crash()
}

async function main(): Promise<void> {
  await inProcess(fileURLToPath(import.meta.url), directory, 'sender')
  const log = await open(directory)
  console.log(log.recovery.clean ? 'closed properly' : 'recovered', `${log.recovery.damage.length} damages`)
  for await (const { value } of log.read(topics, { until: 'end' })) console.log(value)
  await log.admin.deleteTopic('quick')
  try {
    for await (const _ of log.read(quick, { until: 'end' })) console.log('never')
  } catch (error) {
    console.log(LogError.is(error) ? error.code : error)
  }
  await log.close()
}

await (part === 'sender' ? sender() : main())
