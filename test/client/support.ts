import * as assert from 'uvu/assert'
import { BrokerLog } from '../../bindings/client/log.ts'
import { ERRORS, type ErrorCode } from '../../bindings/model/error-table.ts'
import { LogError } from '../../bindings/model/errors.ts'
import type { TopicConfig } from '../../bindings/model/topic-config.ts'
import { FakeBroker } from './fake-broker.ts'
import { FakePort } from './fake-port.ts'

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
