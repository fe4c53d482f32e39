import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { BrokerLog, type Log } from '../../bindings/client/log.ts'
import { openLog } from '../../bindings/entry/embedded/embedded-log.ts'
import type { StorageDriver } from '../../bindings/entry/embedded/storage-driver.ts'
import { type Consumer, type EmbeddedLog, openMemory } from '../../bindings/entry/node.ts'
import { ERRORS, type ErrorCode } from '../../bindings/model/error-table.ts'
import { LogError } from '../../bindings/model/errors.ts'
import type { TopicConfig } from '../../bindings/model/topic-config.ts'
import { FakeBroker } from './fake-broker.ts'
import { FakePort } from './fake-port.ts'
import { DRIVERS } from './stores.ts'

export interface Setup {
  readonly port: FakePort
  readonly broker: FakeBroker
  readonly log: BrokerLog
}

export function setup(
  topics: Record<string, number | { partitions: number; config: TopicConfig }> = { t: 1 },
  seed?: number,
): Setup {
  const port = new FakePort(seed)
  const broker = new FakeBroker(port, topics)
  return { port, broker, log: new BrokerLog(broker, port) }
}

type Shapes = Parameters<typeof setup>[0]

/** A log over any broker, and a look past its own calls. */
export interface Stand {
  readonly log: Log
  readonly broker: {
    texts(topic: string, partition?: number): Promise<string[]> | string[]
    write(
      topic: string,
      values: readonly (string | null)[],
      partition?: number,
      timestamp?: number,
    ): Promise<void> | void
  }
}

/**
 * A test of the client that scripts nothing in the broker: the fake one must not be kinder than the engine over its
 * stores.
 */
export function overBrokers(
  name: string,
  run: (setup: (shapes?: Shapes, seed?: number) => Promise<Stand>) => Promise<void>,
): void {
  test(name, () => run(async (shapes, seed) => setup(shapes, seed)))
  for (const [store, driverOf] of Object.entries(DRIVERS)) {
    test(`${store}: ${name}`, () => run((shapes = { t: 1 }, seed = 1) => overEngine(shapes, driverOf(), seed)))
  }
}

async function overEngine(shapes: NonNullable<Shapes>, driver: StorageDriver, seed: number): Promise<Stand> {
  const log = await openLog(driver, new FakePort(seed))
  for (const [topic, shape] of Object.entries(shapes)) {
    await log.admin.createTopic(topic, typeof shape === 'number' ? { partitions: shape } : shape)
  }
  return {
    log,
    broker: {
      async texts(topic, partition = 0) {
        const texts: string[] = []
        for await (const record of log.read(topic, { until: 'end' })) {
          if (record.partition === partition) texts.push(text(record.value) ?? '')
        }
        return texts
      },
      async write(topic, values, partition = 0, timestamp = undefined) {
        const producer = log.producer()
        await producer.send(values.map((value) => ({ topic, partition, value, timestamp })))
        await producer.close()
      },
    },
  }
}

/** The LogError that `call` throws or rejects with; its code must be `code`. */
export async function failure(code: ErrorCode, call: () => unknown): Promise<LogError> {
  try {
    await call()
  } catch (error) {
    if (!LogError.is(error)) throw error
    assert.is(error.code, code, error.message)
    assert.is(error.hint, ERRORS[code][2])
    return error
  }
  throw new Error(`nothing was thrown instead of ${code}`)
}

/** A log whose topic `t` has one record, and a consumer that hasn't joined its group yet. */
export async function oneRecord(): Promise<{ readonly log: EmbeddedLog; readonly consumer: Consumer<'t'> }> {
  const log = await openMemory()
  await log.admin.createTopic('t')
  await log.producer().send({ topic: 't', value: 'a' })
  return { log, consumer: log.consumer({ groupId: 'g', topics: ['t'] }) }
}

export function gate(): { readonly opened: Promise<void>; open(): void } {
  let open = () => {}
  const opened = new Promise<void>((resolve) => {
    open = resolve
  })
  return { opened, open }
}

export function text(value: Uint8Array | null): string | null {
  return value === null ? null : new TextDecoder().decode(value)
}

/** The first `count` items; the iteration is left then. */
export async function take<R>(from: AsyncIterable<R>, count: number): Promise<R[]> {
  const items: R[] = []
  for await (const item of from) if (items.push(item) === count) break
  return items
}
