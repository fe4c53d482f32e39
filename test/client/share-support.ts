import { openLog } from '../../bindings/entry/embedded/embedded-log.ts'
import {
  type EmbeddedLog,
  type LogError,
  type ShareConsumer,
  type SharedRecordOf,
  string,
  type Topic,
  topic,
} from '../../bindings/entry/node.ts'
import type { FileStore } from '../../bindings/storage/file-store.ts'
import { DirectoryImage } from '../damage/directory-image.ts'
import { FakePort } from './fake-port.ts'
import { gate } from './support.ts'

export const jobs: Topic<'jobs', string, string, string, string> = topic('jobs', { value: string, partitions: 2 })
export const dead: Topic<'dead', string, string, string, string> = topic('dead', { value: string })

export interface Setup {
  readonly log: EmbeddedLog
  readonly port: FakePort
  readonly image: DirectoryImage
}

export async function setup(count: number): Promise<Setup> {
  const [image, port] = [new DirectoryImage(), new FakePort()]
  const log = await openLog(image, port, { topics: [jobs, dead] })
  const records = Array.from({ length: count }, (_, at) => jobs.record({ value: `${at}`, partition: at % 2 }))
  if (count > 0) await log.producer().send(records)
  return { log, port, image }
}

/**
 * A log whose files of that topic open only once they are let, and until then hold up whoever needs them. `prepare`
 * works on it before.
 */
export async function slowSetup(
  count: number,
  {
    slow: name = 'jobs',
    prepare = async () => {},
  }: { slow?: string; prepare?: (log: EmbeddedLog) => Promise<void> } = {},
): Promise<Setup & { let(): void }> {
  const { log: before, image } = await setup(count)
  await prepare(before)
  await before.close()
  const slow = slowToOpen(image, name)
  const port = new FakePort()
  return { log: await openLog(slow.store, port), port, image, let: slow.let }
}

/** Locks all jobs and releases them: the next delivery is the second one. */
export async function releaseAll(log: EmbeddedLog, count: number): Promise<void> {
  const consumer = log.shareConsumer({ groupId: 'g', topics: [jobs] })
  for (const job of await take(consumer, count)) await consumer.acknowledge(job, 'release')
}

export type Job = SharedRecordOf<typeof jobs>

/** The next `count` records. */
export async function take(consumer: ShareConsumer<typeof jobs>, count: number): Promise<Job[]> {
  const taken: Job[] = []
  for await (const record of consumer) if (taken.push(record) === count) break
  return taken
}

export const values = (records: readonly Job[]): number[] =>
  records.map(({ value }) => Number(value)).sort((a, b) => a - b)
export const range = (count: number): number[] => Array.from({ length: count }, (_, at) => at)
export const refused = (promise: Promise<unknown>): Promise<LogError> =>
  promise.then(
    (): never => {
      throw new Error('it was taken')
    },
    (error: unknown) => error as LogError,
  )

/** Files of the topic open only once they are let. */
export function slowToOpen(image: DirectoryImage, name = 'jobs'): { readonly store: FileStore; let(): void } {
  const isOpen = gate()
  const store: FileStore = {
    capabilities: image.capabilities,
    open: (path, options) => {
      if (!path.startsWith(`${name}-`)) return image.open(path, options)
      return isOpen.opened.then(() => image.open(path, options))
    },
    list: (directory) => image.list(directory),
    rename: (from, to) => image.rename(from, to),
    remove: (path) => image.remove(path),
    syncDirectory: () => image.syncDirectory(),
    lock: () => image.lock(),
    close: () => image.close(),
  }
  return { store, let: () => isOpen.open() }
}
