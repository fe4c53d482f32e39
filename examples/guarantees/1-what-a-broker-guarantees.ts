// What a broker guarantees, seen once: order, offsets that stay, and what is acknowledged survives the process.
//
//   node --import tsx examples/guarantees/1-what-a-broker-guarantees.ts [directory]
import { fileURLToPath } from 'node:url'
import { open, string, topic } from 'oncelog'
import { crash, inProcess } from './crashing.ts'

const letters = topic('letters', { value: string })
const [directory = './data', part] = process.argv.slice(2)

async function sender(): Promise<void> {
  const log = await open(directory, { topics: [letters] })
  const sent = await log.producer().send(['a', 'b', 'c'].map((value) => letters.record({ value })))
  console.log(`acknowledged ${sent.map(({ offset }) => offset).join(' ')}`)
  crash()
}

async function main(): Promise<void> {
  console.log(`sender ended by ${await inProcess(fileURLToPath(import.meta.url), directory, 'sender')}`)
  const log = await open(directory, { topics: [letters] })
  for await (const { offset, value } of log.read(letters, { until: 'end' })) console.log(`found ${offset} ${value}`)
  const { offset } = await log.producer().send(letters.record({ value: 'd' }))
  console.log(`the next one is ${offset}`)
  await log.close()
}

await (part === 'sender' ? sender() : main())
