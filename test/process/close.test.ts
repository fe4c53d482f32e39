// process and ingest that are closed: failures for good meanwhile are told by `close` and `done`; for work that comes
// again neither rejects.
import { setTimeout as wait } from 'node:timers/promises'
import * as assert from 'uvu/assert'
import type { Broker } from '../../bindings/broker/broker.ts'
import { BrokerLog } from '../../bindings/client/log.ts'
import { nodePort } from '../../bindings/entry/embedded/node-port.ts'
import { type Log, LogError, type Processor } from '../../bindings/entry/node.ts'
import { type OpenBroker, test } from '../client/stores.ts'
import { gate } from '../client/support.ts'

type Commit = (own: () => Promise<void>) => Promise<void>

/** `commit` runs in place of each commit of a transaction, which it is given. */
async function openedOver(openBroker: OpenBroker, commit: Commit): Promise<Log> {
  const broker: Broker = await openBroker()
  const openProducer = broker.openTransactionalProducer.bind(broker)
  broker.openTransactionalProducer = async (options) => {
    const session = await openProducer(options)
    const own = session.commit.bind(session)
    session.commit = () => commit(own)
    return session
  }
  const log = new BrokerLog(broker, nodePort)
  await log.admin.createTopic('in')
  await log.admin.createTopic('out')
  return log
}

type Start = (log: Log, signal?: AbortSignal) => Processor

const KINDS: Readonly<Record<string, Start>> = {
  process: (log, signal) => log.process({ groupId: 'g', topics: ['in'], signal, handle: async () => {} }),
  ingest: (log, signal) => {
    const records = { topic: 'out', value: '' }
    return log.ingest({
      source: 's',
      signal,
      async *read(_, over) {
        yield { position: 1, records }
        // As most sources do: it fails with something of its own.
        await new Promise((_resolve, reject) => {
          over.addEventListener('abort', () => reject(new Error('the read was ended')))
        })
      },
    })
  },
}

const outcome = (promise: PromiseLike<void>) =>
  promise.then(
    () => 'fine',
    (error: { code?: unknown; message: string }) => error.code ?? error.message,
  )
const failed = () => new LogError('KAFKA_STORAGE_ERROR', 'by the test')
const passing = () => new LogError('TRANSACTION_ABORTABLE', 'by the test')

interface Committing {
  readonly log: Log
  readonly processor: Processor
  /** How `done` of the processor ends. */
  readonly done: PromiseLike<unknown>
  /** Lets the commit fail with that. */
  readonly fail: (error: unknown) => void
}

/** A processor whose commit is under way, and fails when it is told to. */
async function committing(openBroker: OpenBroker, start: Start, signal?: AbortSignal): Promise<Committing> {
  const asked = gate()
  let fail: (error: unknown) => void = () => {}
  const held = new Promise<never>((_, reject) => {
    fail = reject
  })
  held.catch(() => {})
  const log = await openedOver(openBroker, () => {
    asked.open()
    return held
  })
  await log.producer().send({ topic: 'in', value: '' })
  const processor = start(log, signal)
  const done = outcome(processor.done)
  await asked.opened
  return { log, processor, done, fail }
}

for (const [kind, start] of Object.entries(KINDS)) {
  // Regression: it was told to nobody.
  test(`${kind}: a commit that fails for good while it is closed rejects close and done`, async (_, openBroker) => {
    const { log, processor, done, fail } = await committing(openBroker, start)
    const closed = outcome(processor.close())
    const disposed = outcome(processor[Symbol.asyncDispose]())
    await wait(5)
    fail(failed())
    assert.equal(await Promise.all([closed, disposed, done]), Array(3).fill('KAFKA_STORAGE_ERROR'))
    await log.close()
  })

  test(`${kind}: the log is closed all the same, and done rejects`, async (_, openBroker) => {
    const { log, done, fail } = await committing(openBroker, start)
    const closed = outcome(log.close())
    fail(failed())
    assert.equal([await closed, await done], ['fine', 'KAFKA_STORAGE_ERROR'])
  })

  test(`${kind}: a commit that fails for good after an aborted signal is reported instead of its reason`, async (_, openBroker) => {
    const controller = new AbortController()
    const { log, processor, done, fail } = await committing(openBroker, start, controller.signal)
    controller.abort(new Error('enough'))
    await wait(5)
    fail(failed())
    assert.is(await done, 'KAFKA_STORAGE_ERROR')
    assert.is(await outcome(processor.close()), 'fine')
    await log.close()
  })

  test(`${kind}: neither work that comes again nor the end itself makes close reject`, async (_, openBroker) => {
    const controller = new AbortController()
    const { log, processor, done, fail } = await committing(openBroker, start, controller.signal)
    const closed = outcome(processor.close())
    controller.abort(new Error('enough'))
    await wait(5)
    fail(passing())
    assert.equal([await closed, await done], ['fine', 'fine'])
    const waiting = start(log, AbortSignal.timeout(20))
    assert.is(await outcome(waiting.done), 23)
    assert.is(await outcome(waiting.close()), 'fine')
    await log.close()
  })
}

test('if it gave up before, done has rejected with that, and close resolves', async (_, openBroker) => {
  const log = await openedOver(openBroker, (own) => own())
  await log.producer().send({ topic: 'in', value: '' })
  const handle = async () => Promise.reject(new RangeError('by the test'))
  const processor = log.process({ groupId: 'g', topics: ['in'], handle })
  assert.is(await outcome(processor.done), 'by the test')
  assert.is(await outcome(processor.close()), 'fine')
  await log.close()
})

test('a record that failed every try before the close is told by it; one that gives up because of it is not', async (_, openBroker) => {
  const held = gate()
  const log = await openedOver(openBroker, (own) => held.opened.then(own))
  await log.producer().send([1, 2].map((value) => ({ topic: 'in', value: `${value}` })))
  let calls = 0
  const handle = async () => {
    if (++calls === 2) throw new RangeError('by the test')
  }
  const processor = log.process({ groupId: 'g', topics: ['in'], maxRecords: 1, handle })
  const done = outcome(processor.done)
  while (calls < 2) await wait(1)
  const closed = outcome(processor.close())
  held.open()
  assert.equal([await closed, await done], ['by the test', 'by the test'])
  const second = log.process({
    groupId: 'g',
    topics: ['in'],
    async handle(_record, { signal }) {
      calls++
      await new Promise((_resolve, reject) => {
        signal.addEventListener('abort', () => reject(new Error('given up')))
      })
    },
  })
  while (calls < 3) await wait(1)
  assert.is(await outcome(second.close()), 'fine')
  await second.done
  await log.close()
})

// Regression: the rest of its batch was handled, for up to half of transactionTimeoutMs.
for (const delivery of ['exactly-once', 'at-least-once'] as const) {
  for (const concurrency of [1, 4]) {
    test(`${delivery}, concurrency ${concurrency}: once it is closed no further record is handled, and those that were are committed`, async (open) => {
      const log = await open()
      await log.admin.createTopic('in')
      await log
        .producer()
        .send(Array.from({ length: 100 }, (_, index) => ({ topic: 'in', key: `${index}`, value: '' })))
      let calls = 0
      let closed = Promise.resolve()
      const processor = log.process({
        ...{ groupId: 'g', topics: ['in'], delivery, concurrency },
        async handle() {
          calls++
          await wait(2)
          if (calls >= 8) closed = processor.close()
        },
      })
      await processor.done
      await closed
      assert.ok(calls < 8 + concurrency, `${calls} were handled`)
      const [committed] = (await log.admin.describeGroup('g')).offsets
      assert.is(committed?.nextOffset, calls)
      await log.close()
    })
  }
}

test.run()
