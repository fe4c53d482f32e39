// How often an open waits for the disk, one wait after the other: that is the time of a cold start on a quick machine.
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import type { AppendResult } from '../../bindings/broker/producer-session.ts'
import type { Callback, Command } from '../../bindings/engine/commands.ts'
import { Engine } from '../../bindings/engine/engine.ts'
import { PartitionFactory } from '../../bindings/log/partition/partition-factory.ts'
import { FilePartitionStore } from '../../bindings/log/store/file-partition-store.ts'
import { takeKernel } from '../../bindings/testkit/simulation/kernel-pool.ts'
import { Random } from '../../bindings/testkit/simulation/random.ts'
import { VirtualDisk } from '../../bindings/testkit/simulation/virtual-disk.ts'

const FILES = { ringFileBytes: 65_536, ringFiles: 2, ringFilesUsual: 4, ringFilesMax: 8, openFilesMax: 64 }

/** Ends all that is under way before it goes on: what is issued together is one wait. */
class CountingHost {
  readonly engine: Engine
  #waits = 0
  #now = 1_700_000_000_000

  constructor(disk: VirtualDisk) {
    const kernel = takeKernel()
    this.engine = new Engine({
      ceilingBlock: 65_536,
      transactionBufferBytes: 1 << 20,
      compose: (source) => {
        const store = new FilePartitionStore(disk, kernel, source, { ...FILES, random: () => 0.5 })
        return { store, factory: new PartitionFactory(kernel, store, 8192, store.scratch) }
      },
    })
  }

  /** Waits since the last call. */
  get waits(): number {
    const waits = this.#waits
    this.#waits = 0
    return waits
  }

  ask<T>(command: (done: Callback<T>) => Command): T {
    return this.#answer((done) => this.engine.step(this.#now++, command(done)))
  }

  open(): void {
    this.#answer((done) => this.engine.open(this.#now++, done))
  }

  send(topic: string): void {
    const producerId = this.ask<number>((done) => ({ kind: 'openProducer', done }))
    const records = [{ key: null, value: 'x', timestamp: undefined, headers: undefined }]
    const request = { topic, partition: 0, producerEpoch: 0, baseSequence: 0, acks: 'all' as const, records }
    this.ask<AppendResult>((done) => ({ kind: 'append', producerId, request, isTransactional: false, done }))
  }

  #answer<T>(give: (done: Callback<T>) => void): T {
    let answer: { readonly error: unknown; readonly value: T | undefined } | undefined
    give((error, value) => {
      answer = { error, value }
    })
    this.#run()
    assert.is(answer?.error, undefined)
    return answer?.value as T
  }

  #run(): void {
    for (;;) {
      const issued = this.engine.take()
      if (issued.some(({ effect }) => effect.kind === 'flush' || effect.kind === 'syncDirectory')) this.#waits++
      for (const each of issued) this.engine.complete(this.#now, each, { value: each.effect.run() })
      if (issued.length > 0) continue
      if (!this.engine.wantsTurn) return
      this.engine.turn(this.#now++)
    }
  }
}

test('waits of a cold start, after a kill and after a close', () => {
  const disk = new VirtualDisk()
  const cold = new CountingHost(disk)
  cold.open()
  assert.is(cold.waits, 2, 'checkpoint and ring; then the header that makes them a log')
  cold.ask<void>((done) => {
    return { kind: 'createTopic', topicId: 'AAAAAAAAAAAAAAAAAAAAAg', name: 't', partitions: 1, config: {}, done }
  })
  assert.is(cold.waits, 2, "the catalogue's directory, the topic's frame")
  cold.send('t')
  assert.is(cold.waits, 3, "producer ids, the partition's directory, the record's frame")

  const killed = disk.image(new Random(1), 'kill')
  const recovered = new CountingHost(killed)
  recovered.open()
  assert.is(
    recovered.waits,
    9,
    'what was read, two new directories (whose each is, written and named: two waits), segments, the checkpoint, the ring, the header',
  )
  recovered.send('t')
  assert.is(recovered.waits, 2, "producer ids, the record's frame")
  recovered.ask<void>((done) => ({ kind: 'close', done }))

  const clean = new CountingHost(killed.image(new Random(1), 'none'))
  clean.open()
  assert.is(clean.waits, 2, "the header's place and the ring, then the header")
})

test.run()
