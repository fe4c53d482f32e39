// Each row of the write-order table, kept once and broken once, on a disk that knows what is durable.
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { Monitor, WRITE_ORDER } from '../../bindings/testkit/simulation/crash/monitor.ts'
import { SCENARIOS } from '../../bindings/testkit/simulation/crash/scenarios.ts'
import { VirtualDisk } from '../../bindings/testkit/simulation/virtual-disk.ts'

const place = { topicId: 'T', partition: 0 }
const frameBytes = 512

class Bench {
  readonly disk: VirtualDisk = new VirtualDisk()
  readonly monitor: Monitor = new Monitor(this.disk)

  constructor() {
    this.disk.watch = (number, kind, path, range) => this.monitor.operation(number, kind, path, range)
  }

  write(path: string, position = 0): void {
    this.disk.open(path, { create: true })?.write(new Uint8Array(frameBytes).fill(7), position)
  }

  flush(path: string): void {
    const flushed = this.disk.open(path, { create: false })?.flush()
    assert.is(flushed, undefined)
  }

  sync(path: string): void {
    this.flush(path)
    this.disk.syncDirectory('')
  }

  place(sequence: number, position: number): void {
    this.write('ring', position)
    this.monitor.framePlaced(sequence, 'ring', position, frameBytes)
  }

  durable(sequence: number, position: number): void {
    this.place(sequence, position)
    this.sync('ring')
    this.monitor.frameDurable(sequence)
  }

  cover(sequence: number, extentFile?: string): void {
    const extent = extentFile === undefined ? undefined : { file: extentFile, position: 0, lengthBytes: frameBytes }
    this.monitor.frameCovers(sequence, { kind: 'partition', ...place, nextOffset: 5, extent })
  }

  get broken(): readonly string[] {
    return this.monitor.violations.map((text) => /\((.*?)\)/.exec(text)?.[1] ?? text)
  }
}

type Steps = (bench: Bench) => void

const rows: Record<string, { readonly keeps: Steps; readonly breaks: Steps }> = {
  'frame-after-frame': {
    keeps(bench) {
      bench.durable(1, 0)
      bench.place(2, 512)
    },
    breaks(bench) {
      bench.place(1, 0)
      bench.place(2, 512)
    },
  },
  'frame-reuse': {
    keeps(bench) {
      bench.durable(1, 0)
      bench.monitor.checkpointDurable(1, { file: 'checkpoint', sizeBytes: frameBytes, ends: [] })
      bench.place(2, 0)
    },
    breaks(bench) {
      bench.durable(1, 0)
      bench.monitor.framePlaced(2, 'ring', 0, frameBytes)
    },
  },
  'frame-sectors': {
    keeps(bench) {
      bench.durable(1, 0)
      bench.write('ring', 512)
    },
    breaks(bench) {
      bench.durable(1, 0)
      bench.write('ring', 511)
    },
  },
  'frame-flushed': {
    keeps: (bench) => bench.durable(1, 0),
    breaks(bench) {
      bench.place(1, 0)
      // The bytes are durable, their name isn't.
      bench.flush('ring')
      bench.monitor.frameDurable(1)
    },
  },
  'extent-before-frame': {
    keeps(bench) {
      bench.write('segment')
      bench.sync('segment')
      bench.cover(1, 'segment')
      bench.place(1, 0)
    },
    breaks(bench) {
      bench.write('segment')
      bench.cover(1, 'segment')
      bench.place(1, 0)
    },
  },
  'acknowledged-after-frame': {
    keeps(bench) {
      bench.cover(1)
      bench.durable(1, 0)
      bench.monitor.acknowledged(place, 5, 'power')
    },
    breaks(bench) {
      bench.cover(1)
      bench.durable(1, 0)
      bench.monitor.acknowledged(place, 6, 'power')
    },
  },
  'decision-after-frame': {
    keeps(bench) {
      bench.durable(1, 0)
      bench.monitor.decisionPlaced(1, 'segment', 0)
    },
    breaks(bench) {
      bench.place(1, 0)
      bench.monitor.decisionPlaced(1, 'segment', 0)
    },
  },
  'checkpoint-after-sync': {
    keeps(bench) {
      bench.write('segment')
      bench.sync('segment')
      bench.monitor.checkpointPlaced(1, [{ file: 'segment', sizeBytes: frameBytes }])
    },
    breaks(bench) {
      bench.write('segment')
      bench.sync('segment')
      bench.write('segment', 100)
      bench.monitor.checkpointPlaced(1, [{ file: 'segment', sizeBytes: frameBytes }])
    },
  },
  'shown-below-ceiling': {
    keeps(bench) {
      bench.monitor.frameCovers(1, { kind: 'ceiling', ...place, ceiling: 8 })
      bench.durable(1, 0)
      bench.monitor.shown(place, 8)
    },
    breaks(bench) {
      bench.monitor.frameCovers(1, { kind: 'ceiling', ...place, ceiling: 8 })
      bench.place(1, 0)
      bench.monitor.shown(place, 8)
    },
  },
  'producer-id-reserved': {
    keeps(bench) {
      bench.monitor.frameCovers(1, { kind: 'producerIds', end: 10 })
      bench.durable(1, 0)
      bench.monitor.producerIdHandedOut(9)
    },
    breaks(bench) {
      bench.monitor.frameCovers(1, { kind: 'producerIds', end: 10 })
      bench.durable(1, 0)
      bench.monitor.producerIdHandedOut(10)
    },
  },
}

test('every row of the table is tried', () => {
  assert.equal(Object.keys(rows).sort(), WRITE_ORDER.map(({ name }) => name).sort())
})

for (const [name, { keeps, breaks }] of Object.entries(rows)) {
  test(`${name}: an order that keeps it is let pass, one that breaks it is named`, () => {
    const kept = new Bench()
    keeps(kept)
    assert.equal(kept.broken, [])
    assert.ok((kept.monitor.checked.get(name) ?? 0) > 0, 'asked at all')
    const broken = new Bench()
    breaks(broken)
    assert.equal([...new Set(broken.broken)], [name])
  })
}

test('what a durable checkpoint notes is acknowledged without a frame, and nothing that one notes which is not', () => {
  const checkpoint = { file: 'checkpoint', sizeBytes: frameBytes, ends: [{ ...place, nextOffset: 5 }] }
  for (const isDurable of [true, false]) {
    const bench = new Bench()
    bench.write('checkpoint')
    if (isDurable) bench.sync('checkpoint')
    bench.monitor.checkpointDurable(0, checkpoint)
    bench.monitor.acknowledged(place, 5, 'power')
    assert.equal(bench.broken, isDurable ? [] : ['acknowledged-after-frame'])
    bench.monitor.acknowledged(place, 6, 'power')
    assert.is(bench.broken.at(-1), 'acknowledged-after-frame')
  }
})

test('each scenario has a name of its own', () => {
  assert.ok(SCENARIOS.length >= 24, `${SCENARIOS.length} scenarios`)
  assert.is(new Set(SCENARIOS.map(({ name }) => name)).size, SCENARIOS.length)
})

test.run()
