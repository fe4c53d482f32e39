// Many partitions in little space: descriptors and kernel memory are bounded by what is in use, not by what exists.
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import type { ProducerSession } from '../../../bindings/broker/producer-session.ts'
import type { RuntimePort } from '../../../bindings/broker/runtime-port.ts'
import { Engine } from '../../../bindings/engine/engine.ts'
import { EmbeddedBroker } from '../../../bindings/engine/sessions/embedded-broker.ts'
import { openLog } from '../../../bindings/entry/embedded/embedded-log.ts'
import { nodePort } from '../../../bindings/entry/embedded/node-port.ts'
import type { Kernel } from '../../../bindings/kernel/kernel.ts'
import { PartitionFactory } from '../../../bindings/log/partition/partition-factory.ts'
import { FilePartitionStore } from '../../../bindings/log/store/file-partition-store.ts'
import { LogError } from '../../../bindings/model/errors.ts'
import type { FileStore, StoreFile } from '../../../bindings/storage/file-store.ts'
import { PAUSE_MS } from '../../../bindings/storage/sparing-store.ts'
import { Random } from '../../../bindings/testkit/simulation/random.ts'
import { VirtualDisk } from '../../../bindings/testkit/simulation/virtual-disk.ts'
import { failure } from '../../client/support.ts'
import { DirectoryImage } from '../../damage/directory-image.ts'
import { newKernel } from '../../kernel/support.ts'

const PARTITIONS = 300
const OPEN_FILES = 16
/** Of the ring at its largest, the header and what is open for a moment. */
const OTHER_FILES = 8 + 4
const TOPIC = 'many'
const PAGE_BYTES = 65_536
/** The tails of all partitions would take twice as much. */
const CAP_BYTES = (PARTITIONS / 2) * PAGE_BYTES

/** Counts what is open at once, and refuses what would be more than `limit`. */
class CountingDisk extends VirtualDisk {
  most = 0
  limit: number = Number.POSITIVE_INFINITY
  refused = 0
  #open = 0

  override open(path: string, options: { readonly create: boolean }): StoreFile | undefined {
    this.#assertRoom('open', path)
    const file = super.open(path, options)
    if (file === undefined) return undefined
    this.most = Math.max(this.most, ++this.#open)
    const close = file.close.bind(file)
    return Object.assign(file, {
      close: () => {
        this.#open--
        close()
      },
    })
  }

  override list(directory: string): readonly string[] {
    this.#assertRoom('list', directory)
    return super.list(directory)
  }

  override syncDirectory(directory: string): void {
    this.#assertRoom('syncDirectory', directory)
    super.syncDirectory(directory)
  }

  #assertRoom(operation: string, file: string): void {
    if (this.#open < this.limit) return
    this.refused++
    const details = { file, operation, errno: 'EMFILE' }
    throw new LogError('KAFKA_STORAGE_ERROR', `${operation} of ${file} failed: EMFILE`, details)
  }
}

function compose(
  store: FileStore,
  kernel: Kernel,
  port: RuntimePort,
  openFilesMax: number = OPEN_FILES,
  pause?: (delayMs: number) => Promise<void>,
): { broker: EmbeddedBroker; engine: Engine } {
  const engine = new Engine({
    ceilingBlock: 64,
    transactionBufferBytes: 1 << 20,
    compose: (source) => {
      const options = {
        ringFileBytes: 262_144,
        ringFiles: 2,
        ringFilesUsual: 8,
        ringFilesMax: 8,
        openFilesMax,
        pause,
        random: () => 0.5,
      }
      const partitions = new FilePartitionStore(store, kernel, source, options)
      return { store: partitions, factory: new PartitionFactory(kernel, partitions, 0, partitions.scratch) }
    },
  })
  return { broker: new EmbeddedBroker(engine, port), engine }
}

async function appendAll(
  producer: ProducerSession,
  baseSequence: number,
  acks: 'all' | 1,
  isTogether = false,
): Promise<void> {
  const record = { key: null, value: 'x'.repeat(100), timestamp: undefined, headers: undefined }
  const answers: Promise<unknown>[] = []
  for (let partition = 0; partition < PARTITIONS; partition++) {
    const request = { topic: TOPIC, partition, acks, producerEpoch: 0, baseSequence, records: [record] }
    const answer = producer.append(request)
    if (isTogether) answers.push(answer)
    else await answer
  }
  await Promise.all(answers)
}

test('hundreds of partitions within a few descriptors; an idle one holds no page of the kernel', async () => {
  const store = new CountingDisk()
  const kernel = newKernel(CAP_BYTES)
  const timers: (() => void)[] = []
  let now = 1_700_000_000_000
  const port: RuntimePort = {
    now: () => now,
    elapsed: () => now,
    random: () => 0.5,
    setTimer: (_, callback) => {
      timers.push(callback)
      return () => timers.splice(timers.indexOf(callback), 1)
    },
    defer: (callback) => void setImmediate(callback),
  }
  const { broker } = compose(store, kernel, port)
  await broker.open()
  await broker.admin.createTopic(TOPIC, { partitions: PARTITIONS, config: { 'index.interval.bytes': 0 } })
  const before = kernel.memory.usedBytes
  const producer = await broker.openProducer()
  // Without eviction the cap refuses appends here.
  await appendAll(producer, 0, 'all')
  await appendAll(producer, 1, 1)
  // All in one commit, more than a frame holds: extents of more files than may be open.
  await appendAll(producer, 2, 'all', true)
  const busy = kernel.memory.usedBytes
  assert.ok(busy - before > 20 * PAGE_BYTES, `${busy - before} bytes of tails`)
  for (let round = 0; round < 2; round++) {
    now += 60_000
    for (const fire of timers.splice(0)) fire()
  }
  const idle = kernel.memory.usedBytes - before
  // What is left is shared pages: a window of each partition's producer, indexes of the open files.
  assert.ok(idle <= PARTITIONS * 512 + 2 * OPEN_FILES * 4096 + 4 * PAGE_BYTES, `${idle} bytes of idle partitions`)
  const reader = broker.openReader()
  for (let partition = 0; partition < PARTITIONS; partition++) {
    const positions = [{ topic: TOPIC, partition, nextOffset: 0 }]
    const [part] = await reader.fetch({ positions, isolationLevel: 'read_committed', maxBytes: 1e6, wait: false })
    assert.is(part?.nextOffset, 3)
  }
  await broker.close()
  assert.ok(store.most <= OPEN_FILES + OTHER_FILES, `${store.most} files open at once`)
})

test('the process may open fewer files than the log would: it closes what it only might need again, and goes on', async () => {
  const disk = new CountingDisk()
  const { broker } = compose(disk, newKernel(2 * CAP_BYTES), nodePort, 2 * PARTITIONS)
  await broker.open()
  await broker.admin.createTopic(TOPIC, { partitions: PARTITIONS, config: {} })
  disk.limit = OPEN_FILES + OTHER_FILES
  const producer = await broker.openProducer()
  await appendAll(producer, 0, 'all')
  await appendAll(producer, 1, 1)
  await appendAll(producer, 2, 'all', true)
  const reader = broker.openReader()
  for (let partition = 0; partition < PARTITIONS; partition++) {
    const positions = [{ topic: TOPIC, partition, nextOffset: 0 }]
    const [part] = await reader.fetch({ positions, isolationLevel: 'read_committed', maxBytes: 1e6, wait: false })
    assert.is(part?.nextOffset, 3)
  }
  await broker.admin.createTopic('while-it-is-short', { partitions: 1, config: {} })
  await broker.close()
  assert.ok(disk.refused > PARTITIONS / OPEN_FILES, `${disk.refused}`)
  assert.is(disk.most, disk.limit)
})

/** A log whose process may open no further file from now on, with one partition in use. */
async function shortOfFiles(disk: CountingDisk, pause: (delayMs: number) => Promise<void>) {
  const { broker } = compose(disk, newKernel(CAP_BYTES), nodePort, OPEN_FILES, pause)
  await broker.open()
  await broker.admin.createTopic(TOPIC, { partitions: 2, config: {} })
  const producer = await broker.openProducer()
  const records = [{ key: null, value: 'x'.repeat(10_000), timestamp: undefined, headers: undefined }]
  const append = (partition: number, baseSequence: number) =>
    producer.append({ topic: TOPIC, partition, acks: 'all', producerEpoch: 0, baseSequence, records })
  await append(0, 0)
  disk.limit = 0
  return { broker, append }
}

test('with no file left to close, a checkpoint, a commit and a new topic wait until the process has closed some', async () => {
  const disk = new CountingDisk()
  const waits: (() => void)[] = []
  const { broker, append } = await shortOfFiles(disk, () => new Promise((resume) => waits.push(resume)))
  // More than the ring holds before a checkpoint.
  const appends = Array.from({ length: 60 }, (_, at) => append(0, at + 1))
  const others = [
    append(1, 0),
    broker.admin.createTopic('while-it-is-short', { partitions: 1, config: {} }),
    broker.openTransactionalProducer({ transactionalId: 'id', timeoutMs: 60_000 }),
  ]
  const all = Promise.all([...appends, ...others])
  all.catch(() => {})
  const resumeAll = () => {
    for (const resume of waits.splice(0)) resume()
  }
  for (let looks = 0; looks < 50; looks++) {
    await new Promise((resume) => setImmediate(resume))
    resumeAll()
  }
  assert.ok(disk.refused > 10, `${disk.refused} refused`)
  disk.limit = Number.POSITIVE_INFINITY
  const go = setInterval(resumeAll, 5)
  await all.finally(() => clearInterval(go))
  assert.equal((await append(0, 61)).baseOffset, 61)
  await broker.close()
})

test('in a process that stays short of descriptors the call fails in the end', async () => {
  const disk = new CountingDisk()
  let pauses = 0
  const { broker, append } = await shortOfFiles(disk, async (delayMs) => {
    pauses += delayMs
  })
  const { details } = await failure('KAFKA_STORAGE_ERROR', () => append(1, 0))
  assert.is(details['errno'], 'EMFILE')
  assert.ok(pauses >= 30_000, `${pauses} ms`)
  disk.limit = Number.POSITIVE_INFINITY
  assert.is((await append(1, 0)).baseOffset, 0)
  await broker.close()
})

test('a commit that stays short of files ends the log, and the next open has all that was acknowledged', async () => {
  const disk = new CountingDisk()
  const { broker } = await shortOfFiles(disk, async () => {})
  // Of the first transactional id: its commit makes the log's own topic for them.
  const openProducer = () => broker.openTransactionalProducer({ transactionalId: 'id', timeoutMs: 60_000 })
  const first = await failure('KAFKA_STORAGE_ERROR', openProducer)
  assert.is(first.details['errno'], 'EMFILE')
  disk.limit = Number.POSITIVE_INFINITY
  assert.is(await failure('KAFKA_STORAGE_ERROR', () => broker.admin.listTopics({ internal: false })), first)
  await broker.close().catch(() => {})
  const next = compose(disk.image(new Random(1), 'kill'), newKernel(CAP_BYTES), nodePort).broker
  await next.open()
  assert.is((await next.admin.offsets([{ topic: TOPIC, partition: 0 }]))[0]?.lastStableOffset, 1)
  await next.close()
})

/** Opens, lists and syncs no more than so often. */
class ShortImage extends DirectoryImage {
  left = Number.POSITIVE_INFINITY

  override open(path: string, options: { readonly create: boolean }): StoreFile | undefined {
    this.#take('open', path)
    return super.open(path, options)
  }

  override list(directory: string): readonly string[] {
    this.#take('list', directory)
    return super.list(directory)
  }

  #take(operation: string, file: string): void {
    if (this.left-- > 0) return
    throw new LogError('KAFKA_STORAGE_ERROR', 'EMFILE', { file, operation, errno: 'EMFILE' })
  }
}

test('an open in a process with too many open files fails at once, however far it came', async () => {
  let pauses = 0
  const port: RuntimePort = {
    ...nodePort,
    setTimer: (delayMs, run, options) => {
      if (delayMs === PAUSE_MS) pauses++
      return nodePort.setTimer(delayMs === PAUSE_MS ? 0 : delayMs, run, options)
    },
  }
  const image = new ShortImage()
  const log = await openLog(image, port, {})
  await log.admin.createTopic(TOPIC)
  await log.producer().send({ topic: TOPIC, value: 'x' })
  await log.close()
  for (let left = 0; ; left++) {
    const short = new ShortImage(image.fork().files)
    short.left = left
    const opened = await openLog(short, port, {}).catch((error: unknown) => void assert.ok(LogError.is(error)))
    short.left = Number.POSITIVE_INFINITY
    assert.is(pauses, 0, `with ${left}`)
    if (opened === undefined) continue
    assert.ok(left > 10)
    await opened.close()
    break
  }
})

test('a log that closes short of files waits a second for some; then it is closed as after a kill, and says so', async () => {
  for (const isShortForGood of [false, true]) {
    let pauses = 0
    const image = new ShortImage()
    const port: RuntimePort = {
      ...nodePort,
      setTimer: (delayMs, run, options) => {
        if (delayMs === PAUSE_MS && ++pauses === 3 && !isShortForGood) image.left = Number.POSITIVE_INFINITY
        return nodePort.setTimer(delayMs === PAUSE_MS ? 0 : delayMs, run, options)
      },
    }
    const log = await openLog(image, port, {})
    await log.admin.createTopic(TOPIC)
    await log.producer().send({ topic: TOPIC, value: 'x' })
    image.left = 0
    if (!isShortForGood) await log.close()
    else assert.is((await failure('KAFKA_STORAGE_ERROR', () => log.close())).details['errno'], 'EMFILE')
    assert.ok(pauses >= 3 && pauses * PAUSE_MS <= 1000, `${pauses} pauses`)
    const again = await openLog(image.fork(), nodePort, {})
    assert.is(again.recovery.clean, !isShortForGood)
    assert.is((await again.get(TOPIC, { partition: 0, offset: 0 }))?.offset, 0)
    await again.close()
  }
})

test('a call that waits for descriptors when its log is closed waits no longer than the close would', async () => {
  const image = new ShortImage()
  let pauses = 0
  let closed: Promise<LogError> | undefined
  const port: RuntimePort = {
    ...nodePort,
    setTimer: (delayMs, run, options) => {
      if (delayMs === PAUSE_MS && ++pauses === 5) closed = failure('KAFKA_STORAGE_ERROR', () => log.close())
      return nodePort.setTimer(delayMs === PAUSE_MS ? 0 : delayMs, run, options)
    },
  }
  const log = await openLog(image, port, {})
  await log.admin.createTopic(TOPIC)
  const producer = log.producer()
  await producer.send({ topic: TOPIC, value: 'x' })
  await log.admin.createTopic('later')
  image.left = 0
  const sent = producer.send({ topic: 'later', value: 'y' })
  for (const each of [await failure('KAFKA_STORAGE_ERROR', () => sent), await closed]) {
    assert.is(each?.details['errno'], 'EMFILE')
  }
  assert.ok(pauses >= 5 && (pauses - 5) * PAUSE_MS <= 1100, `${pauses} pauses`)
  const again = await openLog(image.fork(), nodePort, {})
  assert.is((await again.get(TOPIC, { partition: 0, offset: 0 }))?.offset, 0)
  await failure('OFFSET_OUT_OF_RANGE', () => again.get('later', { partition: 0, offset: 0 }))
  await again.close()
})

test('a transaction in more partitions than files may be open commits', async () => {
  const { broker } = compose(new CountingDisk(), newKernel(CAP_BYTES), nodePort)
  await broker.open()
  const partitions = 3 * OPEN_FILES
  await broker.admin.createTopic(TOPIC, { partitions, config: {} })
  const session = await broker.openTransactionalProducer({ transactionalId: 'id', timeoutMs: 60_000 })
  const sends = await session.begin()
  const { producerEpoch } = sends
  const records = [{ key: null, value: 'x'.repeat(100), timestamp: undefined, headers: undefined }]
  for (let partition = 0; partition < partitions; partition++)
    await sends.append({ topic: TOPIC, partition, acks: 'all', producerEpoch, baseSequence: 0, records })
  await session.commit()
  const at = Array.from({ length: partitions }, (_, partition) => ({ topic: TOPIC, partition }))
  for (const { lastStableOffset } of await broker.admin.offsets(at)) assert.is(lastStableOffset, 2)
  await broker.close()
})

test.run()
