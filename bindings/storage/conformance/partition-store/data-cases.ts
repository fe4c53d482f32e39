import { check, same } from '../case.ts'
import { expectEnd, expectRead, find, join, orders, orders1, type PartitionCases } from './expectations.ts'

export const dataCases: PartitionCases = {
  async 'append: readable at once, whole, from the batch that holds the offset'(log) {
    await log.open()
    await log.create(orders)
    const first = log.append(orders, { recordCount: 3 })
    const second = log.append(orders, { recordCount: 2, valueBytes: 100 })
    await expectRead(log, orders, 0, join(first, second))
    await expectRead(log, orders, 2, join(first, second))
    await expectRead(log, orders, 3, second)
    await expectRead(log, orders, 4, second)
    await expectEnd(log, orders, 5)
    await expectEnd(log, orders, 500)
  },
  async 'append: batches that may wait are read like others, whatever comes after them'(log) {
    await log.open()
    await log.create(orders, orders1)
    const batches = Array.from({ length: 40 }, (_, index) => log.append(orders, { mayWait: index % 10 !== 9 }))
    const other = log.append(orders1, { mayWait: true })
    await expectRead(log, orders, 0, join(...batches))
    await expectRead(log, orders1, 0, other)
    const late = log.append(orders, { mayWait: true })
    await expectRead(log, orders, 40, late)
    await log.reopen()
    await expectRead(log, orders, 0, join(...batches, late))
    await expectRead(log, orders1, 0, other)
  },
  async 'append: a gap in the offsets is kept, and a read inside it begins after it'(log) {
    await log.open()
    await log.create(orders)
    const first = log.append(orders)
    await log.commit({ durable: [orders], ceilings: [{ id: orders, ceiling: 100 }] })
    await log.crash()
    same(log.nextOffset(orders), 100, 'next offset')
    const second = log.append(orders)
    await expectRead(log, orders, 0, join(first, second))
    await expectRead(log, orders, 50, second)
  },
  async 'read: as many whole batches as fit; a first one that does not fit is named by its size'(log) {
    await log.open()
    await log.create(orders)
    const batches = [0, 1, 2].map(() => log.append(orders, { valueBytes: 50 }))
    const size = batches[0]?.length ?? 0
    same(((await log.read(orders, 0, 2 * size)) as Uint8Array).length, 2 * size, 'two fit')
    same(((await log.read(orders, 0, 3 * size - 1)) as Uint8Array).length, 2 * size, 'two and a part')
    same(((await log.read(orders, 0, size)) as Uint8Array).length, size, 'one')
    same(await log.read(orders, 0, size - 1), -size, 'none')
  },
  async 'seekTimestamp: a batch at or before the first record at or above the time'(log) {
    await log.open()
    await log.create(orders)
    for (const timestamp of [100, 300, 200, 400]) log.append(orders, { timestamp, recordCount: 2 })
    const wanted: readonly (readonly [timestamp: number, atMost: number])[] = [
      [0, 0],
      [100, 0],
      [101, 2],
      [250, 2],
      [301, 6],
      [400, 6],
    ]
    for (const [timestamp, atMost] of wanted) {
      const offset = await log.seekTimestamp(orders, timestamp)
      check(offset !== undefined && offset <= atMost, `an offset up to ${atMost} for ${timestamp}, not ${offset}`)
    }
    same(await log.seekTimestamp(orders, 401), undefined, 'beyond the last')
  },
  async 'ranges and seal: all batches in order, with their sizes and times; a sealed range takes no more'(log) {
    await log.open()
    await log.create(orders)
    const before = [300, 100].map((timestamp) => log.append(orders, { timestamp, recordCount: 2 }))
    log.store.seal(orders)
    await log.activate(orders)
    const after = log.append(orders, { timestamp: 200 })
    const ranges = log.store.ranges(orders)
    const sizeOf = (of: readonly { readonly sizeBytes: number }[]) => of.reduce((sum, each) => sum + each.sizeBytes, 0)
    same(ranges[0]?.baseOffset, 0, 'where the first one begins')
    for (const [index, { nextOffset }] of ranges.slice(0, -1).entries()) {
      same(ranges[index + 1]?.baseOffset, nextOffset, `where range ${index + 1} begins`)
    }
    const last = ranges.at(-1)
    same([last?.baseOffset, last?.nextOffset, last?.sizeBytes], [4, 5, after.length], 'the last one')
    same(last?.maxTimestamp, 200, 'its greatest timestamp')
    same(sizeOf(ranges.slice(0, -1)), join(...before).length, 'bytes of those before it')
    same(Math.max(...ranges.map(({ maxTimestamp }) => maxTimestamp)), 300, 'greatest timestamp')
  },
  async 'deleteBefore: moves the log start, keeps the end, the batch that spans it, and the windows'(log) {
    await log.open()
    await log.create(orders)
    log.append(orders, { recordCount: 2, producerId: 5, producerEpoch: 0, baseSequence: 0 })
    const second = log.append(orders, { recordCount: 2 })
    await log.commit({ durable: [orders] })
    const windows = [...log.producers(orders)]
    await log.deleteBefore(orders, 3)
    await expectRead(log, orders, 3, second)
    await log.deleteBefore(orders, 4)
    for (const state of [await log.reopen(), await log.crash()]) {
      const stored = find(state, orders)
      same(stored.logStartOffset, 4, 'log start')
      same(stored.nextOffset, 4, 'next offset')
      same([...stored.producers], windows, 'windows')
      await expectEnd(log, orders, 4)
    }
  },
}
