// A million producer ids: memory of the kernel and of JavaScript, what a checkpoint and a snapshot take, and that all
// of it is given back once they expire (a day after their last use).
//   node --expose-gc --import tsx bench/limits/producers.ts [ids] [partitions]
import { mkdtempSync, readdirSync, rmSync, statSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { AppendResult } from '../../bindings/broker/producer-session.ts'
import { LogError } from '../../bindings/model/errors.ts'
import { numberArgument } from '../harness/number-argument.ts'
import { type ComposedLog, openComposed } from './composed-log.ts'

const ids = numberArgument(1, 1_000_000)
const partitions = numberArgument(2, 4)
const TOPIC = 'many'
const AT_ONCE = 500
const CAP_BYTES = 1024 * 1024 * 1024
const DAY_MS = 86_400_000
const MIB = 1024 * 1024
/** What may be left when all of them are gone: tables of a few, and what else a log has. */
const LEFT_MAX_BYTES = 4 * MIB
const collect = (globalThis as { gc?: () => void }).gc

function look(what: string, { kernel }: ComposedLog, directory: string, begun: number): void {
  collect?.()
  const { rss, heapUsed } = process.memoryUsage()
  const sizes = readdirSync(directory, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => ({
      name: entry.name,
      place: entry.parentPath,
      size: statSync(join(entry.parentPath, entry.name)).size,
    }))
  const largest = (of: (each: (typeof sizes)[number]) => boolean) =>
    Math.max(0, ...sizes.filter(of).map(({ size }) => size))
  const mib = (bytes: number) => Math.round((bytes / MIB) * 10) / 10
  const row = {
    what,
    'wall ms': Math.round(performance.now() - begun),
    'kernel used MiB': mib(kernel.memory.usedBytes),
    'kernel reserved MiB': mib(kernel.memory.reservedBytes),
    'heap MiB': mib(heapUsed),
    'RSS MiB': mib(rss),
    'checkpoint MiB': mib(largest(({ place }) => place.endsWith('checkpoint'))),
    'snapshot MiB': mib(largest(({ name }) => name.endsWith('.snapshot'))),
  }
  console.log(JSON.stringify(row))
}

function append({ broker }: ComposedLog, producerId: number): Promise<AppendResult> {
  const records = [{ key: null, value: 'x', timestamp: undefined, headers: undefined }]
  const place = {
    topic: TOPIC,
    partition: producerId % partitions,
    acks: 1 as const,
    producerEpoch: 0,
    baseSequence: 0,
  }
  return broker.ask<AppendResult>((done) => {
    return { kind: 'append', producerId, request: { ...place, records }, isTransactional: false, done }
  })
}

async function appendAll(log: ComposedLog): Promise<void> {
  for (let from = 0; from < ids; from += AT_ONCE) {
    await Promise.all(Array.from({ length: Math.min(AT_ONCE, ids - from) }, (_, index) => append(log, from + index)))
  }
}

/** With the memory of `open` unless told otherwise: a refusal by name, and the others go on. */
async function refusedAt(directory: string): Promise<string> {
  const log = await openComposed(directory)
  await log.broker.admin.createTopic(TOPIC, { partitions, config: {} })
  try {
    await appendAll(log)
    return 'none was refused'
  } catch (error) {
    if (!LogError.is(error)) throw error
    await append(log, 0)
    return `${error.code} (${error.category}) with ${Math.round(log.kernel.memory.usedBytes / MIB)} MiB in use; known producers go on`
  } finally {
    await log.broker.close()
  }
}

const home = mkdtempSync(join(tmpdir(), 'oncelog-producers-'))
const directory = join(home, 'log')
let begun = performance.now()
const log = await openComposed(directory, { capBytes: CAP_BYTES })
await log.broker.admin.createTopic(TOPIC, { partitions, config: {} })
look('before', log, directory, begun)
const emptyBytes = log.kernel.memory.usedBytes
await appendAll(log)
look(`${ids} producers wrote`, log, directory, begun)
begun = performance.now()
await log.broker.close()
console.log(JSON.stringify({ what: 'closed', 'wall ms': Math.round(performance.now() - begun) }))
begun = performance.now()
const again = await openComposed(directory, { capBytes: CAP_BYTES })
look('opened again', again, directory, begun)
const { baseOffset } = await append(again, ids - 1)
const isKnown = baseOffset < ids / partitions
look('one was used again', again, directory, begun)
begun = performance.now()
for (const [index] of Array.from({ length: partitions }).entries()) await append(again, ids + index)
again.engine.topics.producerExpiry.sweep(Date.now() + 3 * DAY_MS)
look('expired', again, directory, begun)
const leftBytes = again.kernel.memory.usedBytes - emptyBytes
await again.broker.close()
const last = await openComposed(directory, { capBytes: CAP_BYTES })
look('closed and opened once more', last, directory, begun)
await last.broker.close()
console.log(`with the memory of a log that is opened without options: ${await refusedAt(join(home, 'usual'))}`)
rmSync(home, { recursive: true, force: true })
const isWithin = isKnown && leftBytes <= LEFT_MAX_BYTES
console.log(
  `${ids} producers: ${Math.round(leftBytes / 1024)} KiB of kernel memory left of what they took, at most ` +
    `${LEFT_MAX_BYTES / 1024}; a retry ${isKnown ? 'is known' : 'is NOT known'}: ${isWithin ? 'within' : 'NOT within'}`,
)
if (!isWithin) process.exitCode = 1
