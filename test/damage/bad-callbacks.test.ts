/**
 * Wrong things that the program's own functions do: they return or throw nonsense, or never end; and nonsense in the
 * options of calls that take such functions. Each gives a typed error of the category misuse, or is taken for what it
 * is; what was thrown comes through unchanged; a function that hangs delays no close that needn't wait for it.
 */
import { inspect } from 'node:util'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import {
  type Assignor,
  type EmbeddedLog,
  json,
  openMemory,
  type Processor,
  store,
  string,
  topic,
  unchecked,
} from '../../bindings/entry/node.ts'
import { gate } from '../client/support.ts'
import { JUNK, type JunkCall, membersOf, tryAll } from './junk.ts'

const counts = topic('counts', {
  key: string,
  value: unchecked<number>(json()),
  config: { 'cleanup.policy': 'compact' },
})
const at = { topic: 't', partition: 0 }
let names = 0
const fresh = () => `n${names++}`

async function opened(): Promise<EmbeddedLog> {
  const log = await openMemory({ topics: [counts] })
  await log.admin.createTopic('t')
  await log.producer().send({ topic: 't', value: 'x' })
  return log
}

/** Until it gives up, or the record of t is done. */
async function processing(log: EmbeddedLog, options: object): Promise<void> {
  const settings = { groupId: fresh(), topics: ['t'], handle: async () => {}, ...options }
  const processor = log.process(settings as never)
  const { groupId } = settings
  let isOver = false
  const over = processor.done.finally(() => {
    isOver = true
  })
  const isDone = async () =>
    (await log.admin.listGroups()).some((each) => each.groupId === groupId && each.offsets.length > 0)
  const done = (async () => {
    while (!isOver && !(await isDone())) await new Promise((resolve) => setImmediate(resolve))
  })()
  await Promise.race([over, done]).finally(() => processor.close())
  await over
}

async function ingesting(log: EmbeddedLog, options: object): Promise<void> {
  const ingest: Processor = log.ingest({ source: fresh(), async *read() {}, ...options } as never)
  await ingest.done.finally(() => ingest.close())
}

function items(junk: unknown): object {
  return {
    async *read() {
      yield junk
    },
  }
}

async function consuming(log: EmbeddedLog, options: object): Promise<void> {
  const consumer = log.consumer({ groupId: fresh(), topics: ['t'], ...options })
  await consumer[Symbol.asyncIterator]()
    .next()
    .finally(() => consumer.close())
}

async function sharing(log: EmbeddedLog, options: object): Promise<void> {
  const consumer = log.shareConsumer({ groupId: fresh(), topics: ['t'], ...options } as never)
  await consumer[Symbol.asyncIterator]()
    .next()
    .finally(() => consumer.close())
}

type State = {
  readonly counts: { get(key: never): Promise<unknown>; set(key: never, value: never): void; delete(key: never): void }
}

function keeping(log: EmbeddedLog, work: (counts: State['counts']) => unknown): Promise<void> {
  const handle = async (_: unknown, { state }: { state: State }) => void (await work(state.counts))
  return processing(log, { state: { counts: store(counts) }, handle })
}

const CALLS: Record<string, JunkCall> = {
  'ProcessOptions.handle gives': (log, junk) => processing(log, { handle: async () => junk }),
  'ProcessOptions.handle gives, at least once': (log, junk) =>
    processing(log, { handle: async () => junk, delivery: 'at-least-once' }),
  'KeyValue.get': (log, key) => keeping(log, (state) => state.get(key)),
  'KeyValue.set key': (log, key) => keeping(log, (state) => state.set(key, 1 as never)),
  'KeyValue.set value': (log, value) => keeping(log, (state) => state.set('k' as never, value)),
  'KeyValue.delete': (log, key) => keeping(log, (state) => state.delete(key)),
  'store changelog': (_, junk) => store(junk),
  'IngestOptions.read gives': (log, junk) => ingesting(log, { read: () => junk }),
  'IngestOptions.read yields': (log, junk) => ingesting(log, items(junk)),
  'IngestItem.position': (log, position) => ingesting(log, items({ position, records: [] })),
  'IngestItem.records': (log, records) => ingesting(log, items({ position: 1, records })),
  'ConsumerOptions.positions gives': (log, junk) => consuming(log, { positions: async () => junk }),
  'Assignor.assign gives': (log, junk) => consuming(log, { assignor: { name: 'own', assign: () => junk } }),
  'Assignor.name': (log, name) =>
    consuming(log, { assignor: { name, assign: (): never => ({}) as never } as Assignor }),
  'Codec.encode gives': (_, junk) =>
    topic('x', { value: { encode: () => junk, decode: (bytes) => bytes } }).record({ value: 1 }),
  'TransactionalProducer.transaction gives': async (log, junk) => {
    const producer = log.producer({ transactionalId: fresh() })
    await producer.transaction((() => junk) as never).finally(() => producer.close())
  },
}
const OPTIONS: readonly (readonly [type: string, call: (log: EmbeddedLog, options: object) => Promise<void>])[] = [
  ['ProcessOptions', processing],
  ['IngestOptions', ingesting],
  ['ShareConsumerOptions', sharing],
]
for (const [type, call] of OPTIONS) {
  // What the report writes with `readonly` in it, or where the options come from another type.
  const others = type === 'IngestOptions' ? ['signal'] : ['topics', 'signal']
  if (type === 'ProcessOptions') others.push('handle')
  for (const name of [...membersOf(type).map((member) => member.split('.')[1] ?? ''), ...others])
    CALLS[`${type}.${name}`] = (log, junk) => call(log, { [name]: junk })
}

test('nonsense from functions, and in the options of calls that take some, gives a typed error; the log goes on', async () => {
  assert.ok(Object.keys(CALLS).length > 35, Object.keys(CALLS).join())
  const log = await opened()
  assert.equal(await tryAll(CALLS, log), [])
  await log.producer().send({ topic: 't', value: 'still written' })
  await log.close()
})

/** Anything can be thrown. */
const THROWN = JUNK.filter(([kind]) => !/proxy|getters/.test(kind))
const CALLBACKS: Readonly<Record<string, (log: EmbeddedLog, thrower: () => never) => Promise<unknown>>> = {
  'handle of process': (log, handle) => processing(log, { handle }),
  'the same, at least once': (log, handle) => processing(log, { handle, delivery: 'at-least-once' }),
  'read of ingest': (log, read) => ingesting(log, { read }),
  'iteration of ingest': (log, next) => ingesting(log, { read: () => ({ [Symbol.asyncIterator]: () => ({ next }) }) }),
  'positions of a consumer': (log, positions) => consuming(log, { positions }),
  'work of a transaction': async (log, work) => {
    const producer = log.producer({ transactionalId: fresh() })
    await producer.transaction(work).finally(() => producer.close())
  },
  partitioner: (log, partitioner) => log.producer({ partitioner }).send({ topic: 't', value: 'never' }),
}

for (const [name, call] of Object.entries(CALLBACKS)) {
  test(`${name}: what it throws comes unchanged, and nothing is half-visible`, async () => {
    const log = await opened()
    for (const [kind, thrown] of THROWN) {
      const throwIt = (): never => {
        throw thrown
      }
      const heard = await call(log, throwIt).then(
        () => ['nothing'],
        (error: unknown) => [error],
      )
      assert.ok(Object.is(heard[0], thrown), `${kind}: ${inspect(heard[0])}`)
    }
    const [end] = await log.admin.offsets([at])
    assert.equal([end?.highWatermark, end?.lastStableOffset], [1, 1])
    await log.close()
  })
}

const never = () => new Promise<never>(() => {})
const HANGING: Readonly<Record<string, (log: EmbeddedLog, begun: () => void) => { close(): Promise<void> }>> = {
  'read of ingest': (log, begun) =>
    log.ingest({
      source: 's',
      // biome-ignore lint/correctness/useYield: this source hangs before its first row.
      async *read(): AsyncGenerator<never> {
        begun()
        await never()
      },
    }),
  'iteration of ingest, its end too': (log, begun) => {
    const next = () => {
      begun()
      return never()
    }
    return log.ingest({ source: 's', read: () => ({ [Symbol.asyncIterator]: () => ({ next, return: never }) }) })
  },
  'positions of a consumer': (log, begun) => {
    const positions = () => {
      begun()
      return never()
    }
    const consumer = log.consumer({ groupId: 'g', topics: ['t'], positions })
    consumer[Symbol.asyncIterator]()
      .next()
      .catch(() => {})
    return consumer
  },
  'work of a transaction': (log, begun) => {
    const producer = log.producer({ transactionalId: 'id' })
    const work = async () => {
      begun()
      await never()
    }
    producer.transaction(work).catch(() => {})
    return producer
  },
}

for (const [name, call] of Object.entries(HANGING)) {
  test(`${name}: one that never ends holds up no close, neither its own nor the log’s`, async () => {
    for (const isLog of [false, true]) {
      const log = await opened()
      const { opened: begun, open } = gate()
      const hanging = call(log, open)
      await begun
      await (isLog ? log : hanging).close()
      await log.close()
    }
  })
}

test.run()
