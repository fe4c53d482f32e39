// Codes of disks, files, locks and memory.
import { mkdirSync, mkdtempSync, readdirSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import * as assert from 'uvu/assert'
import { BigEndianReader } from '../../bindings/coordinator/big-endian-reader.ts'
import { open } from '../../bindings/entry/node.ts'
import type { Kernel } from '../../bindings/kernel/kernel.ts'
import { trapKernel } from '../../bindings/kernel/kernel-seams.ts'
import { FRAME_ALIGNMENT, HEADER_FILE, JOURNAL_VERSION, SECTOR_BYTES } from '../../bindings/log/journal/layout.ts'
import { LogError } from '../../bindings/model/errors.ts'
import { UNFINISHED_COPY } from '../../bindings/storage/backup-target.ts'
import { lockDirectory } from '../../bindings/storage/drivers/node-fs/lock.ts'
import { runTask } from '../../bindings/storage/run-task.ts'
import { DiskFaults } from '../../bindings/testkit/simulation/faults.ts'
import { Random } from '../../bindings/testkit/simulation/random.ts'
import { VirtualDisk } from '../../bindings/testkit/simulation/virtual-disk.ts'
import { importing } from '../import/imported.ts'
import { altered, batch, IDS, KafkaSource } from '../import/kafka-source.ts'
import type { Provocations, Refusal } from './provocation.ts'
import { factsOf, openStage, type Stage } from './stage.ts'

const SEGMENT = 't-0/00000000000000000000.log'
const FIRST_RECORD = 61
const HEADER_BYTES = 52

/** The disk of a log that was closed with a second topic, `other`, of one record. */
async function closed({ log, disk }: Stage): Promise<VirtualDisk> {
  await log.admin.createTopic('other')
  await log.producer().send({ topic: 'other', value: 'x' })
  await log.close()
  return disk.reopened()
}

/** As in `node --jitless`. */
async function withoutWebAssembly<T>(work: () => Promise<T>): Promise<T> {
  const global = globalThis as { WebAssembly: unknown }
  const { WebAssembly } = global
  global.WebAssembly = undefined
  try {
    return await work()
  } finally {
    global.WebAssembly = WebAssembly
  }
}

async function values({ log }: Pick<Stage, 'log'>, topic: string): Promise<string[]> {
  const all: string[] = []
  for await (const { value } of log.read(topic, { until: 'end' })) all.push(Buffer.from(value ?? []).toString())
  return all
}

/** An open that is refused: the directory is as it was, and not held. */
function refusedOpen(disk: VirtualDisk): Refusal {
  const before = disk.digest()
  return {
    call: () => openStage(disk),
    after: async () => {
      assert.is(disk.digest(), before, 'nothing in the directory is touched')
      disk.reopened().lock()
    },
  }
}

/** A log that ended: every later call hears of it, and what was acknowledged is there when it is opened again. */
function ending({ log, disk }: Stage, call: () => unknown, code: string): Refusal {
  return {
    call,
    after: async () => {
      const calls = [
        () => log.producer().send({ topic: 't', value: 'y' }),
        () => log.admin.listTopics(),
        () => log.close(),
      ]
      for (const each of calls) assert.ok(LogError.is(await Promise.resolve(each()).catch((error) => error), code))
      disk.failFlushAt = Number.POSITIVE_INFINITY
      const again = await openStage(disk.reopened())
      assert.equal((await values(again, 't')).slice(0, 3), ['1', '2', '3'])
      await again.log.producer().send({ topic: 't', value: 'z' })
    },
  }
}

/** Every copy of the journal's header, as a version wrote it that there isn't yet. */
function makeNewer(disk: VirtualDisk, kernel: Kernel): void {
  const bytes = new Uint8Array(HEADER_BYTES)
  const view = new DataView(bytes.buffer)
  for (const position of [0, SECTOR_BYTES, FRAME_ALIGNMENT, FRAME_ALIGNMENT + SECTOR_BYTES]) {
    disk.open(HEADER_FILE, { create: false })?.read(bytes, position)
    view.setUint16(4, JOURNAL_VERSION + 1)
    view.setUint32(HEADER_BYTES - 4, kernel.crc32cOf(bytes.subarray(0, -4)))
    disk.spoil(HEADER_FILE, position, bytes)
  }
}

/** What a crash leaves of a backup that had just begun. */
async function withUnfinishedCopy(): Promise<VirtualDisk> {
  const disk = new VirtualDisk()
  await disk.open(UNFINISHED_COPY, { create: true })?.flush()
  disk.syncDirectory('')
  return disk
}

const scratch = () => join(mkdtempSync(join(tmpdir(), 'oncelog-code-')), 'log')

export const byStorage: Provocations = {
  CORRUPT_MESSAGE: async (stage) => {
    const disk = await closed(stage)
    disk.flipBit(SEGMENT, FIRST_RECORD * 8)
    const again = await openStage(disk)
    return { call: () => values(again, 't'), after: async () => assert.equal(await values(again, 'other'), ['x']) }
  },
  UNSUPPORTED_VERSION: async (stage) => {
    const disk = await closed(stage)
    makeNewer(disk, (await openStage()).kernel)
    return refusedOpen(disk)
  },
  UNSUPPORTED_FOR_MESSAGE_FORMAT: async () => {
    const unknown = altered(batch(0, { values: ['x'] }), (view) => view.setInt16(21, 0x80))
    const { disk } = new KafkaSource().partition('t-0', IDS[0], unknown)
    const before = disk.digest()
    const target = new VirtualDisk()
    return {
      call: () => runTask(importing(disk, target)),
      after: async () => {
        assert.is(disk.digest(), before)
        assert.equal(target.list(''), ['t-0', UNFINISHED_COPY])
      },
    }
  },
  COPY_UNFINISHED: async () => refusedOpen(await withUnfinishedCopy()),
  KAFKA_STORAGE_ERROR: async (stage) => {
    stage.disk.failFlushAt = stage.disk.flushes + 1
    return ending(stage, () => stage.log.producer().send({ topic: 't', value: 'x' }), 'KAFKA_STORAGE_ERROR')
  },
  KERNEL_UNAVAILABLE: async () => {
    const directory = scratch()
    return {
      call: () => withoutWebAssembly(() => open(directory)),
      after: async () => {
        assert.equal(readdirSync(directory), ['.lock'])
        await (await open(directory)).close()
        rmSync(dirname(directory), { recursive: true })
      },
    }
  },
  KERNEL_POISONED: async (stage) => {
    assert.throws(() => trapKernel(stage.kernel))
    return ending(stage, () => stage.log.admin.createTopic('u'), 'KERNEL_POISONED')
  },
  STORAGE_FULL: async ({ log, disk }) => {
    const before = await factsOf(log)
    disk.faults = new DiskFaults([{ kind: 'write', effect: 'full', at: 1, path: SEGMENT }])
    const producer = log.producer()
    return {
      // Too large to wait for its commit in memory.
      call: () => producer.send({ topic: 't', value: 'x'.repeat(20_000) }),
      after: async () => {
        assert.is(await factsOf(log), before)
        await producer.send({ topic: 't', value: '4' })
        assert.equal(await values({ log }, 't'), ['1', '2', '3', '4'])
      },
    }
  },
  LOG_READ_ONLY: async (stage) => {
    // The journal has nothing of the topic any more, so that recovery can't make up for its file.
    const killed = await openStage(await closed(stage))
    await killed.log.producer().send({ topic: 'other', value: 'y' })
    const disk = killed.disk.image(new Random(1), 'kill')
    disk.remove(SEGMENT)
    const { log } = await openStage(disk)
    return {
      call: () => log.producer().send({ topic: 't', value: 'x' }),
      after: async () => {
        await log.producer().send({ topic: 'other', value: 'z' })
        assert.equal(await values({ log }, 'other'), ['x', 'y', 'z'])
      },
    }
  },
  CORRUPT_LOG: async (stage) => {
    const disk = await closed(stage)
    disk.remove(HEADER_FILE)
    return refusedOpen(disk)
  },
  LOG_CLOSED: async ({ log, disk }) => {
    const before = await factsOf(log)
    await log.close()
    return {
      call: () => log.producer().send({ topic: 't', value: 'x' }),
      after: async () => assert.is(await factsOf((await openStage(disk.reopened())).log), before),
    }
  },
  DIRECTORY_IN_USE: async () => {
    const directory = scratch()
    const holder = await open(directory, { exclusive: true })
    return {
      call: () => open(directory),
      after: async () => {
        await holder.admin.createTopic('t')
        await holder.close()
        rmSync(dirname(directory), { recursive: true })
      },
    }
  },
  LOCK_UNSUPPORTED: async () => {
    const directory = scratch()
    mkdirSync(directory)
    return {
      call: () => lockDirectory(directory, ['/nowhere/flock']),
      after: async () => {
        assert.equal(readdirSync(directory), ['.lock'])
        rmSync(dirname(directory), { recursive: true })
      },
    }
  },
  MEMORY_CAP_REACHED: async ({ log, broker }) => {
    await log.admin.alterConfig('t', { 'max.message.bytes': 100_000_000 })
    const session = await broker.openProducer()
    const records = [{ key: null, value: new Uint8Array(20_000_000), timestamp: undefined, headers: undefined }]
    return () => session.append({ topic: 't', partition: 0, acks: 'all', producerEpoch: 0, baseSequence: 0, records })
  },
  INTEGER_RANGE: async () => {
    const bytes = new Uint8Array(8).fill(0x7f)
    return () => new BigEndianReader(bytes, { topic: '__consumer_offsets', partition: 0, offset: 0 }).int64('offset')
  },
}
