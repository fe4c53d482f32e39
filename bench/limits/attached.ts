// What a process reaches that attached to the log, over what its holder reaches, by the public API and in turn: bulk (a
// thousand records a send, the last one durable; one send at a time, and four outstanding, as a program has them that
// awaits none but the last), single durable sends, one outstanding, and as many records read as the bulk sent. At least
// half the rate of the bulk, and at most 60 us more. What 250 bytes take there and back over a bare socket of the two,
// in between, is the least that any answer takes.
//   node --import tsx bench/limits/attached.ts [rounds] [records]
import { fork } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, rmSync } from 'node:fs'
import net from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { bytes } from '../../bindings/client/topic/codec.ts'
import { type EmbeddedLog, open, topic } from '../../bindings/entry/node.ts'
import { bundled } from '../harness/bundled.ts'
import { numberArgument } from '../harness/number-argument.ts'
import { makeBatches } from '../harness/records.ts'
import { median, percentile, ratioOfPairs } from '../harness/statistics.ts'

const TOPIC = 'bench'
const BATCH = 1000
/** Enough that neither of two processes waits for the other. */
const OUTSTANDING = 4
/**
 * Half a second of them: for the first 0.1 s after other work nobody polls (decision 035), and 500 were over by then.
 */
const SINGLES = 4000
const ECHO_BYTES = 250
const VALUE_BYTES = 100
const RATE_LEAST = 0.5
const LATER_MOST_US = 60

interface Measured {
  readonly recordsPerSecond: number
  /** With several sends outstanding. */
  readonly severalPerSecond: number
  readonly p50Us: number
  readonly readPerSecond: number
  readonly echoUs?: number
}

class Sender {
  readonly #log: EmbeddedLog
  readonly #batches = makeBatches(BATCH, VALUE_BYTES).map((batch) =>
    batch.map(({ key, value }) => ({ topic: TOPIC, key, value })),
  )

  constructor(log: EmbeddedLog) {
    this.#log = log
  }

  async measure(records: number): Promise<Measured> {
    const recordsPerSecond = await this.#bulk(records, 1)
    const readPerSecond = await this.#scan(records)
    const severalPerSecond = await this.#bulk(records, OUTSTANDING)
    return { recordsPerSecond, severalPerSecond, readPerSecond, p50Us: await this.#singles() }
  }

  #batch(index: number): readonly { topic: string; key: Uint8Array; value: Uint8Array }[] {
    return this.#batches[index % this.#batches.length] ?? []
  }

  async #bulk(records: number, outstanding: number): Promise<number> {
    await using relaxed = this.#log.producer({ acks: 1 })
    await using durable = this.#log.producer()
    const begun = performance.now()
    const sends = Math.ceil(records / BATCH)
    const underWay: Promise<unknown>[] = []
    for (let index = 0; index < sends - 1; index++) {
      underWay.push(relaxed.send(this.#batch(index)))
      if (underWay.length === outstanding) await underWay.shift()
    }
    await Promise.all(underWay)
    await durable.send(this.#batch(sends - 1))
    return (sends * BATCH * 1000) / (performance.now() - begun)
  }

  async #scan(records: number): Promise<number> {
    const begun = performance.now()
    let read = 0
    for await (const batch of this.#log.read(TOPIC, { until: 'end' }).batches({ borrowed: true })) {
      for (const { key, value } of batch) if (key !== null && value !== null) read++
      if (read >= records) break
    }
    return (read * 1000) / (performance.now() - begun)
  }

  async #singles(): Promise<number> {
    await using producer = this.#log.producer()
    const record = this.#batch(0)[0]
    if (record === undefined) return Number.NaN
    const times = new Float64Array(SINGLES)
    for (let index = 0; index < SINGLES; index++) {
      const begun = performance.now()
      await producer.send(record)
      times[index] = (performance.now() - begun) * 1000
    }
    return percentile(times.sort(), 0.5)
  }
}

/** Beside the log's directory: nothing that isn't the log's lies in it. */
function echoPath(directory: string): string {
  return `${directory}.echo`
}

async function listenForEchoes(directory: string): Promise<net.Server> {
  const server = net.createServer((socket) => socket.on('data', (bytes) => socket.write(bytes)))
  await once(server.listen(echoPath(directory)), 'listening')
  return server
}

async function measureEcho(socket: net.Socket): Promise<number> {
  const message = Buffer.alloc(ECHO_BYTES)
  const times = new Float64Array(SINGLES)
  for (let index = 0; index < SINGLES; index++) {
    const begun = performance.now()
    socket.write(message)
    await once(socket, 'data')
    times[index] = (performance.now() - begun) * 1000
  }
  return percentile(times.sort(), 0.5)
}

function opened(directory: string): Promise<EmbeddedLog> {
  return open(directory, { topics: [topic(TOPIC, { key: bytes, value: bytes })] })
}

/** The attached process: measures whenever it is told how many records. */
async function attach(directory: string): Promise<void> {
  const log = await opened(directory)
  const sender = new Sender(log)
  const socket = net.connect(echoPath(directory))
  await once(socket, 'connect')
  const measure = async (records: number): Promise<Measured> => {
    return { ...(await sender.measure(records)), echoUs: await measureEcho(socket) }
  }
  process.on('message', (records: number) => {
    measure(records).then(
      (measured) => process.send?.(measured),
      (error: unknown) => {
        console.error(error)
        process.exit(1)
      },
    )
  })
  process.send?.('ready')
}

async function hold(directory: string, rounds: number, records: number): Promise<void> {
  const log = await opened(directory)
  const sender = new Sender(log)
  const echoes = await listenForEchoes(directory)
  const child = fork(process.argv[1] as string, ['attach', directory])
  await once(child, 'message')
  const attached = async (): Promise<Measured> => {
    child.send(records)
    const [measured] = (await once(child, 'message')) as [Measured]
    return measured
  }
  const pairs: { readonly own: Measured; readonly other: Measured }[] = []
  for (let round = -1; round < rounds; round++) {
    const isOwnFirst = round % 2 === 0
    const first = isOwnFirst ? await sender.measure(records) : await attached()
    const second = isOwnFirst ? await attached() : await sender.measure(records)
    // The first round warms both up.
    if (round >= 0) pairs.push(isOwnFirst ? { own: first, other: second } : { own: second, other: first })
  }
  child.kill()
  await once(child, 'exit')
  echoes.close()
  await log.close()
  report(pairs)
}

function report(pairs: readonly { readonly own: Measured; readonly other: Measured }[]): void {
  const own = pairs.map((each) => each.own)
  const other = pairs.map((each) => each.other)
  const ratesOf = (rateOf: (measured: Measured) => number) => {
    const [holder, attached] = [own.map(rateOf), other.map(rateOf)]
    const { ratio, low, high } = ratioOfPairs(attached, holder)
    const row = {
      holder: `${Math.round(median(holder))} records/s`,
      attached: `${Math.round(median(attached))} records/s`,
      measured: `${ratio.toFixed(2)} [${low.toFixed(2)}, ${high.toFixed(2)}]`,
    }
    return { ratio, row }
  }
  const bulk = ratesOf(({ recordsPerSecond }) => recordsPerSecond)
  const several = ratesOf(({ severalPerSecond }) => severalPerSecond)
  const laterUs = median(pairs.map((each) => each.other.p50Us - each.own.p50Us))
  console.table({
    'bulk, one send at a time': { ...bulk.row, target: `>= ${RATE_LEAST}` },
    [`bulk, ${OUTSTANDING} outstanding`]: { ...several.row, target: `>= ${RATE_LEAST}` },
    'records read': ratesOf(({ readPerSecond }) => readPerSecond).row,
    'single durable send, p50': {
      holder: `${Math.round(median(own.map((each) => each.p50Us)))} us`,
      attached: `${Math.round(median(other.map((each) => each.p50Us)))} us`,
      measured: `${Math.round(laterUs)} us more`,
      target: `<= ${LATER_MOST_US} us more`,
    },
    'echo over a bare socket, p50': {
      measured: `${Math.round(median(other.map((each) => each.echoUs ?? Number.NaN)))} us`,
    },
  })
  if (bulk.ratio < RATE_LEAST || several.ratio < RATE_LEAST || laterUs > LATER_MOST_US) process.exitCode = 1
}

const [mode, ...given] = process.argv.slice(2)
if (mode === 'attach') await attach(given[0] ?? '')
else if (mode === 'hold') await hold(given[0] ?? '', Number(given[1]), Number(given[2]))
else {
  const directory = mkdtempSync(join(tmpdir(), 'oncelog-attached-'))
  const run = fork(
    await bundled(fileURLToPath(import.meta.url)),
    ['hold', directory, `${numberArgument(1, 15)}`, `${numberArgument(2, 500_000)}`],
    { execArgv: [] },
  )
  const [code] = (await once(run, 'exit')) as [number | null]
  rmSync(directory, { recursive: true, force: true })
  process.exitCode = code ?? 1
}
