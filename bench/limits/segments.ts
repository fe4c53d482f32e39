// A segment of 2 GiB, which is as much as Kafka's positions can say: filled to its last byte, rolled there and not
// before, read by offset and time at both ends and in between, killed, recovered, read again. Writes 2 GiB and as much
// as a roll needs.
//   node --import tsx bench/limits/segments.ts [bytes a segment]
import { spawn } from 'node:child_process'
import { mkdtempSync, readdirSync, rmSync, statSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { numberArgument } from '../harness/number-argument.ts'
import { type ComposedLog, openComposed } from './composed-log.ts'

/** The greatest that segment.bytes may be. */
const segmentBytes = numberArgument(1, 2_147_483_647)
const TOPIC = 'large'
const BATCH_BYTES = 1_000_000
/** What a batch of one record without key has around its value: header 61, lengths and deltas of the record. */
const AROUND_BYTES = 61 + 11
const START_MS = 1_700_000_000_000
const KILLABLE = 'killable'
const place = { topic: TOPIC, partition: 0 }

/** Answers the offset. */
type Append = (value: string, timestamp: number) => Promise<number>

class Bench {
  readonly log: ComposedLog
  readonly #append: Append

  private constructor(log: ComposedLog, append: Append) {
    this.log = log
    this.#append = append
  }

  static async open(directory: string): Promise<Bench> {
    const log = await openComposed(directory)
    const producer = await log.broker.openProducer()
    let baseSequence = 0
    return new Bench(log, async (value, timestamp) => {
      const records = [{ key: null, value, timestamp, headers: undefined }]
      const request = { ...place, acks: 1 as const, producerEpoch: 0, baseSequence: baseSequence++, records }
      return (await producer.append(request)).baseOffset
    })
  }

  /** A value that says where it is. */
  async append(offset: number, valueBytes: number): Promise<void> {
    const baseOffset = await this.#append(`${offset} `.padEnd(valueBytes, '.'), START_MS + offset)
    if (baseOffset !== offset) throw new Error(`${offset} stands at ${baseOffset}`)
  }

  async check(offsets: readonly number[]): Promise<void> {
    const reader = this.log.broker.openReader()
    for (const offset of offsets) {
      const positions = [{ ...place, nextOffset: offset }]
      const [part] = await reader.fetch({ positions, isolationLevel: 'read_committed', maxBytes: 1, wait: false })
      const batch = part?.batches[0]
      const text = Buffer.from(batch?.valueOf(0) ?? []).toString('latin1', 0, 20)
      if (batch?.baseOffset !== offset || !text.startsWith(`${offset} `)) throw new Error(`${offset} reads ${text}`)
      const [found] = await this.log.broker.admin.offsetsForTimestamp([place], START_MS + offset)
      if (found !== offset) throw new Error(`the time of ${offset} is found at ${found}`)
    }
    await reader.close()
  }
}

function segmentsOf(directory: string): readonly (readonly [string, number])[] {
  const path = join(directory, `${TOPIC}-0`)
  const names = readdirSync(path).filter((name) => name.endsWith('.log'))
  return names.sort().map((name) => [name, statSync(join(path, name)).size] as const)
}

/** Batches up to the last byte, one less than a batch of its own would take left over for the very last one. */
async function fill(bench: Bench, directory: string): Promise<number> {
  let offset = 0
  let left = segmentBytes
  for (; left > 2 * BATCH_BYTES; offset++) {
    await bench.append(offset, BATCH_BYTES - AROUND_BYTES)
    left = segmentBytes - (segmentsOf(directory)[0]?.[1] ?? 0)
  }
  const before = left
  await bench.append(offset++, BATCH_BYTES - AROUND_BYTES)
  left = segmentBytes - (segmentsOf(directory)[0]?.[1] ?? 0)
  const around = before - left - (BATCH_BYTES - AROUND_BYTES)
  await bench.append(offset++, left - around)
  return offset
}

/** Until it is killed, with the segment full to its last byte and one batch in the next. */
async function live(directory: string): Promise<void> {
  const bench = await Bench.open(directory)
  const config = { 'segment.bytes': segmentBytes, 'retention.ms': -1 }
  await bench.log.broker.admin.createTopic(TOPIC, { partitions: 1, config })
  const begun = performance.now()
  const end = await fill(bench, directory)
  const seconds = (performance.now() - begun) / 1000
  const [first, second] = segmentsOf(directory)
  console.log(
    JSON.stringify({
      batches: end,
      seconds: Math.round(seconds * 10) / 10,
      'segment bytes': first?.[1],
      segments: second ? 2 : 1,
    }),
  )
  if (first?.[1] !== segmentBytes || second !== undefined) throw new Error('it is not full to its last byte')
  await bench.append(end, 50)
  if (segmentsOf(directory).length !== 2) throw new Error('it did not roll')
  await bench.check([0, 1, end >> 1, end - 2, end - 1, end])
  process.send?.({ [KILLABLE]: end })
}

async function killed(directory: string): Promise<number> {
  const child = spawn(process.execPath, ['--import', 'tsx', fileURLToPath(import.meta.url), String(segmentBytes)], {
    env: { ...process.env, DIRECTORY: directory },
    stdio: ['ignore', 'inherit', 'inherit', 'ipc'],
  })
  const end = await new Promise<number>((resolve, reject) => {
    child.once('message', (message) => resolve((message as Record<string, number>)[KILLABLE] ?? 0))
    child.once('exit', (code) => reject(new Error(`the process ended with ${code}`)))
  })
  const ended = new Promise((resolve) => child.once('exit', resolve))
  child.kill('SIGKILL')
  await ended
  return end
}

async function opened(what: string, directory: string, end: number): Promise<void> {
  const begun = performance.now()
  const bench = await Bench.open(directory)
  const openMs = Math.round(performance.now() - begun)
  const { clean, damage } = bench.log.engine.report ?? { clean: undefined, damage: [] }
  if (damage.length > 0) throw new Error(JSON.stringify(damage))
  const at = performance.now()
  await bench.check([0, end >> 1, end - 1, end])
  console.log(JSON.stringify({ what, clean, 'open ms': openMs, 'read ms': Math.round(performance.now() - at) }))
  await bench.log.broker.close()
}

const { DIRECTORY } = process.env
if (DIRECTORY !== undefined) {
  await live(DIRECTORY)
} else {
  const home = mkdtempSync(join(tmpdir(), 'oncelog-segments-'))
  try {
    const end = await killed(join(home, 'log'))
    await opened('after a kill', join(home, 'log'), end)
    await opened('after a close', join(home, 'log'), end)
    console.log(`a segment of ${segmentBytes} bytes: full to its last byte, recovered, read at both ends`)
  } finally {
    rmSync(home, { recursive: true, force: true })
  }
}
