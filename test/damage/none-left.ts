// A process that gets no more descriptors while its log has many files open; prints what it was told.
import { closeSync, openSync } from 'node:fs'
import { open } from '../../bindings/entry/node.ts'

const [directory = '', openFirst = ''] = process.argv.slice(2)
const refused: string[] = []
const acknowledged: string[] = []

function takeAll(): number[] {
  const taken: number[] = []
  try {
    for (;;) taken.push(openSync('/dev/null', 'r'))
  } catch {
    return taken
  }
}

async function told(call: () => Promise<unknown>): Promise<void> {
  await call().catch((error: unknown) => refused.push(String(error)))
}

const log = await open(directory, { exclusive: true })
const producer = log.producer()

async function send(topic: string, partitions: number): Promise<void> {
  for (let partition = 0; partition < partitions; partition++) {
    const value = `${acknowledged.length}`
    await told(async () => {
      const { offset } = await producer.send({ topic, partition, value: value.padEnd(100_000) })
      acknowledged.push(`${topic}/${partition}/${offset}/${value}`)
    })
  }
}

await log.admin.createTopic('before', { partitions: 40 })
await send('before', Number(openFirst))
const taken = takeAll()
// Directories, segments, a checkpoint and what a close writes: all need new ones.
await told(() => log.admin.createTopic('meanwhile', { partitions: 20 }))
await send('meanwhile', 20)
await send('before', 40)
await told(() => log.close())
for (const descriptor of taken) closeSync(descriptor)
console.log(JSON.stringify({ refused, acknowledged }))
