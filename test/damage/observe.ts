import { BrokerLog, type Log } from '../../bindings/client/log.ts'
import { openLog } from '../../bindings/entry/embedded/embedded-log.ts'
import type { ConsumerRecord, Damage, RecoveryReport, TopicPartition } from '../../bindings/entry/node.ts'
import { LogError } from '../../bindings/model/errors.ts'
import { createDirectoryStore } from '../../bindings/storage/drivers/node-fs.ts'
import { DirectoryImage } from './directory-image.ts'
import { START_MS } from './fixture.ts'
import { openHolder } from './holder.ts'
import { StillPort } from './still-port.ts'

/** Where damage was told of, by an error or by the recovery report. */
export interface Told {
  readonly code: string
  readonly file: unknown
  readonly position: unknown
  readonly message: string
}

/** What a program sees of a log, each fact by its name; a fact that couldn't be had is missing and told of. */
export interface Observation {
  readonly facts: ReadonlyMap<string, string>
  readonly told: readonly Told[]
}

const SEEKS_MS = [0, 2, 4, 12, 14].map((after) => START_MS + after)
const MEMORY_BYTES = 32 * 1024 * 1024

interface Opened {
  readonly log: Log
  readonly recovery: RecoveryReport
  done(): void
}

/** Opens the log in the image, which changes it, and asks for everything that the public API can say. */
export function observe(image: DirectoryImage): Promise<Observation> {
  const port = new StillPort(99)
  const open = async (): Promise<Opened> => {
    const { broker, recovery, discard } = await openHolder(image, port)
    return { log: new BrokerLog(broker, port), recovery, done: discard }
  }
  return observeLog(open, () => image)
}

/** The same through the file system, opened as programs do. */
export function observeDirectory(directory: string): Promise<Observation> {
  const open = async (): Promise<Opened> => {
    const log = await openLog(createDirectoryStore(directory), new StillPort(99), { memoryBytes: MEMORY_BYTES })
    return { log, recovery: log.recovery, done: () => {} }
  }
  return observeLog(open, () => DirectoryImage.readFrom(directory))
}

async function observeLog(open: () => Promise<Opened>, imageOf: () => DirectoryImage): Promise<Observation> {
  const told: Told[] = []
  const facts = new Map<string, string>()
  let opened: Opened
  try {
    opened = await open()
  } catch (error) {
    return { facts, told: [tellOf(error)] }
  }
  const { log, recovery } = opened
  for (const each of recovery.damage) told.push(damageTold(each))
  for (const file of recovery.setAsideFiles) {
    told.push({ code: 'set aside', file, position: Number(file.split('.').at(-1)), message: '' })
  }
  // Found by an opening before: what the log's own topics lack, no call would tell.
  for (const { topic, partition } of recovery.readOnly.filter(({ topic }) => topic.startsWith('__'))) {
    told.push({ code: 'read-only', file: `${topic}-${partition}`, position: 0, message: '' })
  }
  const note = async (name: string, ask: () => unknown): Promise<void> => {
    try {
      facts.set(name, JSON.stringify(await ask()))
    } catch (error) {
      told.push(tellOf(error))
    }
  }
  await note('groups', () => log.admin.listGroups())
  for (const topic of await log.admin.listTopics()) await observeTopic(log, topic, note)
  for (const [name, epochs] of epochsOf(imageOf())) facts.set(`epochs of ${name}`, epochs)
  await log.close().catch((error: unknown) => told.push(tellOf(error)))
  opened.done()
  return { facts, told }
}

type Note = (name: string, ask: () => unknown) => Promise<void>

async function observeTopic(log: Log, topic: string, note: Note): Promise<void> {
  const description = await log.admin.describeTopic(topic)
  await note(topic, () => description)
  for (let partition = 0; partition < description.partitions; partition++) {
    const at = { topic, partition }
    const name = `${topic}-${partition}`
    await note(`offsets of ${name}`, () => log.admin.offsets([at]))
    await note(`records of ${name}`, () => records(log, at, description.partitions))
    for (const time of SEEKS_MS) await note(`${name} at ${time}`, () => log.admin.offsetsForTimestamp([at], time))
  }
}

async function records(log: Log, at: TopicPartition, partitions: number): Promise<unknown[]> {
  const [end] = await log.admin.offsets([at])
  const from = Array.from({ length: partitions }, (_, partition) => ({ topic: at.topic, partition, nextOffset: 0 }))
  // Where the coordinator's topic is damaged a transaction may stay open, and nobody reads beyond its first record.
  const until = [{ ...at, nextOffset: end?.lastStableOffset ?? 0 }]
  const all: unknown[] = []
  for await (const record of log.read(at.topic, { from, until })) all.push(plain(record))
  return all
}

function plain({ offset, timestamp, key, value, headers }: ConsumerRecord): unknown {
  const text = (bytes: Uint8Array | null) => bytes && Buffer.from(bytes).toString('latin1')
  return [offset, timestamp, text(key), text(value), [...headers].map(([name, bytes]) => [name, text(bytes)])]
}

/** Leader epochs aren't in the public API: as they stand in the segments. */
function* epochsOf(image: DirectoryImage): Iterable<[string, string]> {
  for (const path of image.paths) {
    if (!path.startsWith('pay-') || !path.endsWith('.log')) continue
    const bytes = image.files.get(path)?.bytes() ?? new Uint8Array()
    const view = new DataView(bytes.buffer)
    const epochs: number[] = []
    for (let at = 0; at + 61 <= bytes.length; at += 12 + Math.max(49, view.getInt32(at + 8))) {
      epochs.push(view.getInt32(at + 12))
    }
    yield [path, epochs.join()]
  }
}

function damageTold({ code, file, position }: Damage): Told {
  return { code: `reported: ${code.replace(/\d+/g, 'N')}`, file, position, message: '' }
}

function tellOf(error: unknown): Told {
  if (!LogError.is(error)) throw error
  const { file, position } = error.details
  return { code: error.code, file, position, message: error.message }
}
