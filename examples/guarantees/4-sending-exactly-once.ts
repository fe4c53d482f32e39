// Two hundred sends under way while the process that holds the log is killed: each retry carries its sequence number.
//
//   node --import tsx examples/guarantees/4-sending-exactly-once.ts [directory]
import { type ChildProcess, fork } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'
import { open, string, topic } from 'oncelog'

const letters = topic('letters', { value: string })
const SENDS = 200
const [directory = './data', part] = process.argv.slice(2)

async function holder(): Promise<void> {
  await open(directory, { topics: [letters] })
  process.send?.('ready')
  // Holding the log for others doesn't keep a process alive.
  setInterval(() => {}, 1000)
}

async function main(): Promise<void> {
  const child: ChildProcess = fork(fileURLToPath(import.meta.url), [directory, 'holder'])
  await once(child, 'message')
  const log = await open(directory)
  console.log(`this process is ${log.role}`)
  const producer = log.producer()
  const sending: Promise<unknown>[] = []
  for (let number = 0; number < SENDS; number++) {
    sending.push(producer.send(letters.record({ value: `${number}` })))
    // In the middle of it: some are written, of some the answer is on its way, some aren't sent.
    if (number === SENDS / 2) setTimeout(() => child.kill('SIGKILL'), 1)
    await new Promise((resolve) => setImmediate(resolve))
  }
  await Promise.all(sending)
  console.log(`${sending.length} acknowledged, this process is ${log.role}`)
  const values: (string | null)[] = []
  for await (const { value } of log.read(letters, { until: 'end' })) values.push(value)
  console.log(`${values.length} found, ${new Set(values).size} different, in order: ${values.every(isNext)}`)
  await log.close()
}

function isNext(value: string | null, index: number): boolean {
  return Number(value) === index
}

await (part === 'holder' ? holder() : main())
