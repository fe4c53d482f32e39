// A durable work queue: at least once, with dead letters, through a crash in the middle of a job.
//
//   node --import tsx examples/work-queue.ts [directory]
//
// The first worker kills itself after job 2 was done and before that was committed, so the second one gets job 2 again:
// work must stand being done twice. Job 3 fails whenever it is tried; after three attempts it goes to a topic of its
// own.
import { fork } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { json, open, topic, unchecked } from 'oncelog'

interface Job {
  readonly id: number
  readonly text: string
}

const jobs = topic('jobs', { value: unchecked<Job>(json()) })
const dead = topic('jobs-dead', { value: unchecked<Job & { readonly why: string }>(json()) })
const ATTEMPTS = 3

async function work({ id }: Job): Promise<void> {
  if (id === 3) throw new Error('no such address')
  console.log(`job ${id} done`)
}

async function worker(directory: string, crashAfter: number): Promise<void> {
  const log = await open(directory, { topics: [jobs, dead] })
  const producer = log.producer()
  const consumer = log.consumer({ groupId: 'workers', topics: [jobs] })
  for await (const record of consumer) {
    const job = record.value
    if (job === null) continue
    for (let attempt = 1; ; attempt++) {
      try {
        await work(job)
        break
      } catch (error) {
        if (attempt < ATTEMPTS) continue
        await producer.send(dead.record({ value: { ...job, why: (error as Error).message } }))
        console.log(`job ${job.id} put aside`)
        break
      }
    }
    if (job.id === crashAfter) process.kill(process.pid, 'SIGKILL')
    await consumer.commit(record)
    const left = [...(await consumer.lag()).values()].some((lag) => lag > 0)
    if (!left) break
  }
  await log.close()
}

async function main(directory: string): Promise<void> {
  const log = await open(directory, { topics: [jobs, dead] })
  const list = ['write', 'print', 'send', 'file'].map((text, index) => ({ id: index + 1, text }))
  await log.producer().send(list.map((value) => jobs.record({ value })))
  await log.close()
  console.log(`worker ended by ${await run(directory, 2)}`)
  console.log(`worker ended by ${await run(directory, 0)}`)
}

/** A worker in a process of its own; answers how it ended. */
function run(directory: string, crashAfter: number): Promise<string> {
  const child = fork(fileURLToPath(import.meta.url), [directory, String(crashAfter)])
  return new Promise((resolve) => child.on('exit', (code, signal) => resolve(signal ?? `exit code ${code}`)))
}

const [directory = './data', crashAfter] = process.argv.slice(2)
await (crashAfter === undefined ? main(directory) : worker(directory, Number(crashAfter)))
