// A work queue of several workers: each job goes to one of them, and one that fails doesn't hold up the rest.
//
//   node --import tsx examples/shared-jobs.ts [directory]
//
// Two workers share one partition. Job 2 fails at first and is released for a second try; the others pass it. Job 3 can
// never succeed, so its worker rejects it: it goes to the dead letters with the reason.
import { open, type ShareConsumer, string, topic } from 'oncelog'

const jobs = topic('jobs', { value: string })
const dead = topic('jobs-dead', { value: string })

const [directory = './data'] = process.argv.slice(2)
const log = await open(directory, { topics: [jobs, dead] })
await log.producer().send(['1', '2', '3', '4', '5', '6'].map((value) => jobs.record({ value })))

const finished: string[] = []
const options = { groupId: 'workers', topics: [jobs], maxRecords: 1, deadLetter: 'jobs-dead' } as const
const workers = [log.shareConsumer(options), log.shareConsumer(options)]

async function work(worker: ShareConsumer<typeof jobs>): Promise<void> {
  for await (const job of worker) {
    if (job.value === '2' && job.deliveryCount === 1) {
      await worker.acknowledge(job, 'release')
      continue
    }
    if (job.value === '3') await worker.acknowledge(job, 'reject', { error: new Error('no such address') })
    else await worker.acknowledge(job, 'accept')
    finished.push(`job ${job.value} ${job.value === '3' ? 'put aside' : `done at delivery ${job.deliveryCount}`}`)
    if (finished.length === 6) for (const each of workers) await each.close()
  }
}

await Promise.all(workers.map(work))
console.log(finished.sort().join('\n'))
for await (const { value, headers } of log.read(dead, { until: 'end' })) {
  console.log(`dead letter ${value}: ${Buffer.from(headers.get('oncelog-error-message') ?? []).toString()}`)
}
await log.close()
