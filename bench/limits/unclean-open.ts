// How long a log of many partitions takes to open after SIGKILL, up to one durable acknowledgement: a process writes
// every partition, closes, opens again, writes a few with either acks and is killed.
//   node --import tsx bench/limits/unclean-open.ts [partitions] [opens]
import { execFileSync, spawn } from 'node:child_process'
import { cpSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import type { ProducerSession } from '../../bindings/broker/producer-session.ts'
import { numberArgument } from '../harness/number-argument.ts'
import { openComposed } from './composed-log.ts'

const partitions = numberArgument(1, 10_000)
const opens = numberArgument(2, 3)
const TOPIC = 'many'
const AT_ONCE = 500
const FEW = 10
const record = { key: null, value: 'x'.repeat(100), timestamp: undefined, headers: undefined }

async function append(producer: ProducerSession, partition: number, acks: 1 | 'all'): Promise<void> {
  await producer.append({ topic: TOPIC, partition, acks, producerEpoch: 0, baseSequence: 0, records: [record] })
}

/** Until it is killed. */
async function live(directory: string): Promise<void> {
  const first = await openComposed(directory)
  await first.broker.admin.createTopic(TOPIC, { partitions, config: {} })
  const producer = await first.broker.openProducer()
  for (let from = 0; from < partitions; from += AT_ONCE) {
    const count = Math.min(AT_ONCE, partitions - from)
    await Promise.all(Array.from({ length: count }, (_, index) => append(producer, from + index, 'all')))
  }
  await first.broker.close()
  const second = await openComposed(directory)
  const later = await second.broker.openProducer()
  for (let partition = 0; partition < FEW; partition++) await append(later, partition, partition % 2 === 0 ? 1 : 'all')
  process.send?.('killable')
}

async function killed(directory: string): Promise<void> {
  const child = spawn(process.execPath, ['--import', 'tsx', fileURLToPath(import.meta.url), String(partitions)], {
    env: { ...process.env, DIRECTORY: directory },
    stdio: ['ignore', 'inherit', 'inherit', 'ipc'],
  })
  await new Promise((resolve, reject) => {
    child.once('message', resolve)
    child.once('exit', (code) => reject(new Error(`the process ended with ${code}`)))
  })
  const ended = new Promise((resolve) => child.once('exit', resolve))
  child.kill('SIGKILL')
  await ended
}

async function opened(directory: string): Promise<object> {
  const begun = performance.now()
  const log = await openComposed(directory)
  const openMs = performance.now() - begun
  await append(await log.broker.openProducer(), partitions - 1, 'all')
  const acknowledgedMs = performance.now() - begun
  const { replayedFrames } = log.engine.report ?? {}
  const at = performance.now()
  await log.broker.close()
  const rounded = (ms: number) => Math.round(ms)
  return {
    partitions,
    replayedFrames,
    'open ms': rounded(openMs),
    'acknowledged ms': rounded(acknowledgedMs),
    'close ms': rounded(performance.now() - at),
  }
}

const { DIRECTORY } = process.env
if (DIRECTORY !== undefined) {
  await live(DIRECTORY)
} else {
  const home = mkdtempSync(join(tmpdir(), 'oncelog-unclean-'))
  try {
    await killed(join(home, 'log'))
    for (let open = 0; open < opens; open++) {
      cpSync(join(home, 'log'), join(home, `copy-${open}`), { recursive: true })
      execFileSync('sync')
      console.log(JSON.stringify(await opened(join(home, `copy-${open}`))))
    }
  } finally {
    rmSync(home, { recursive: true, force: true })
  }
}
