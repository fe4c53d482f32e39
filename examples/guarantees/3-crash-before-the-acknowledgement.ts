// A consumer reads a record and crashes just before it acknowledges it. The next one goes on from what is committed, at
// once.
//
//   node --import tsx examples/guarantees/3-crash-before-the-acknowledgement.ts [directory]
import { fileURLToPath } from 'node:url'
import { open, string, topic } from 'oncelog'
import { crash, inProcess } from './crashing.ts'

const letters = topic('letters', { value: string })
const [directory = './data', part, crashAt] = process.argv.slice(2)

async function consumer(): Promise<void> {
  const log = await open(directory, { topics: [letters] })
  const reading = log.consumer({ groupId: 'readers', topics: [letters] })
  for await (const record of reading) {
    console.log(`read ${record.value}`)
    if (record.value === crashAt) crash()
    await reading.commit(record)
    console.log(`acknowledged ${record.value}`)
    if (record.value === 'c') break
  }
  await log.close()
}

async function main(): Promise<void> {
  const log = await open(directory, { topics: [letters] })
  await log.producer().send(['a', 'b', 'c'].map((value) => letters.record({ value })))
  await log.close()
  for (const at of ['b', 'nowhere']) {
    console.log(`ended by ${await inProcess(fileURLToPath(import.meta.url), directory, 'consumer', at)}`)
  }
}

await (part === 'consumer' ? consumer() : main())
