// How one run of `consume --group` takes a rebalance that comes just as it asks whether it is done: its consumer and
// group are played by the test.
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { GroupRun } from '../../bindings/entry/cli/group-run.ts'
import type { ShownRecords } from '../../bindings/entry/cli/shown-records.ts'
import { type Consumer, type EmbeddedLog, LogError, type RecordBatch } from '../../bindings/entry/node.ts'

const END = 2
const ends = [0, 1].map((partition) => ({ topic: 't', partition, nextOffset: END }))

type Handler = (partitions: readonly { topic: string; partition: number }[]) => unknown

/** A group of two members, of which this consumer is one; each delivery is a whole partition. */
class Group {
  readonly handlers: Record<string, Handler[]> = { assigned: [], revoked: [], lost: [] }
  readonly shown: string[] = []
  readonly committed: number[] = []
  own = [0]
  /** Of this member, as the group's coordinator knows it. */
  known = [0]
  readonly #positions = new Map<number, number>()
  #joined: () => void = () => {}
  commit: () => Promise<void> = async () => {}
  described: () => Promise<void> = async () => {}

  async tell(event: string, partitions: readonly number[]): Promise<void> {
    for (const handler of this.handlers[event] ?? [])
      await handler(partitions.map((partition) => ({ topic: 't', partition })))
  }

  async assign(own: readonly number[]): Promise<void> {
    const added = own.filter((partition) => !this.own.includes(partition))
    this.own = [...own]
    this.known = [...own]
    await this.tell('assigned', added)
    this.#joined()
  }

  /** What comes next begins at the committed offset: nothing was. */
  async putOut(): Promise<void> {
    const lost = this.own
    this.own = []
    this.#positions.clear()
    await this.tell('lost', lost)
  }

  async *#batches(signal: AbortSignal): AsyncGenerator<RecordBatch> {
    for (;;) {
      signal.throwIfAborted()
      const partition = this.own.find((each) => (this.#positions.get(each) ?? 0) < END)
      if (partition !== undefined) {
        const records = Array.from({ length: END }, (_, offset) => ({ topic: 't', partition, offset }))
        this.#positions.set(partition, END)
        yield { topic: 't', partition, nextOffset: END, [Symbol.iterator]: () => records.values() } as never
        continue
      }
      await new Promise<void>((resolve, reject) => {
        this.#joined = resolve
        signal.addEventListener('abort', () => reject(signal.reason as Error))
      })
    }
  }

  get consumer(): Consumer {
    return {
      on: (event: string, handler: Handler) => this.handlers[event]?.push(handler),
      lag: async () => {
        if (this.own.length === 0) await this.assign([0])
      },
      assignment: () => this.own.map((partition) => ({ topic: 't', partition })),
      position: ({ partition }: { partition: number }) => this.#positions.get(partition) ?? 0,
      pause: () => {},
      seek: async ({ partition, nextOffset }: { partition: number; nextOffset: number }) => {
        this.#positions.set(partition, nextOffset)
      },
      batches: ({ signal }: { signal: AbortSignal }) => this.#batches(signal),
      commit: async (positions: readonly { partition: number }[]) => {
        for (const { partition } of positions) {
          await this.commit()
          this.committed.push(partition)
        }
      },
    } as never
  }

  async run(signal: AbortSignal = new AbortController().signal): Promise<void> {
    const describeGroup = async () => {
      const members = [this.known, [0, 1].filter((partition) => !this.known.includes(partition))]
      const said = members.map((own) => ({ partitions: own.map((partition) => ({ topic: 't', partition })) }))
      await this.described()
      return { members: said }
    }
    const log = { admin: { describeGroup } } as unknown as EmbeddedLog
    const shown = {
      lines: { isBroken: false, flush: async () => {} },
      count: 0,
      isEnough: false,
      show: async ({ partition, offset }: { partition: number; offset: number }) => {
        this.shown.push(`${partition}:${offset}`)
      },
    } as unknown as ShownRecords
    await new GroupRun({ log, consumer: this.consumer, groupId: 'g', ends, shown }).run(signal)
  }
}

test('a partition that comes while a run that is done commits is read to its end', async () => {
  const group = new Group()
  group.commit = async () => {
    group.commit = async () => {}
    await group.assign([0, 1])
  }
  await group.run()
  assert.equal(group.shown, ['0:0', '0:1', '1:0', '1:1'])
  // On a slow machine a second passes between two records, and what was shown is committed in between too.
  assert.equal([...new Set(group.committed)], [0, 1])
})

test('a member that is put out by its last commit joins once more for it', async () => {
  const group = new Group()
  const stop = new AbortController()
  group.commit = async () => {
    group.commit = async () => {}
    await group.putOut()
    throw new LogError('UNKNOWN_MEMBER_ID', 'the holder is gone')
  }
  group.described = async () => stop.abort()
  await group.run(stop.signal).catch((error: unknown) => assert.is(error, stop.signal.reason))
  assert.equal(group.shown, ['0:0', '0:1'])
  assert.equal(group.committed, [0])
})

test.run()
