// Rule 6b: the last whole frame is written again elsewhere and synced before anything acts on it, because being
// readable proves nothing. A process that is killed in the middle of a flush leaves a frame that the next open reads
// and a power failure takes back: here it comes before each operation of that open.
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { RESTATED_FILE } from '../../../bindings/log/journal/layout.ts'
import { LogError } from '../../../bindings/model/errors.ts'
import { Random } from '../../../bindings/testkit/simulation/random.ts'
import { SyncHost } from '../../../bindings/testkit/simulation/sync-host.ts'
import { VirtualDisk } from '../../../bindings/testkit/simulation/virtual-disk.ts'

const TOPIC = 't'
const ACKNOWLEDGED = 'acknowledged'
const READABLE = 'readable'

type Host = SyncHost<VirtualDisk>

/** A log with one acknowledged record, killed while it flushes the frame of what `ask` wants. */
function killedInFlush(ask: (host: Host, producerId: number) => void): VirtualDisk {
  const host: Host = new SyncHost(new VirtualDisk())
  host.open()
  host.createTopic('AAAAAAAAAAAAAAAAAAAAAg', TOPIC, 1, {})
  const producerId = host.openProducer()
  send(host, producerId, 0, ACKNOWLEDGED)
  host.settle()
  return killedIn(host, () => ask(host, producerId))
}

/** What is left if the process is killed while it flushes the frame of what `ask` wants. */
function killedIn(host: Host, ask: () => void): VirtualDisk {
  let killed: VirtualDisk | undefined
  host.storage.watch = (_number, kind, path) => {
    if (kind === 'flush' && path.endsWith('.ring')) killed ??= host.storage.image(new Random(1), 'kill')
  }
  ask()
  host.settle()
  assert.ok(killed, 'no frame was flushed')
  return killed
}

function send(host: Host, producerId: number, baseSequence: number, value: string): void {
  const place = { topic: TOPIC, partition: 0, producerId, producerEpoch: 0, baseSequence }
  host.send({ ...place, acks: 'all', values: [value] })
}

/** What a power failure before each operation of an open leaves, and whether the open had acted by then. */
function powerFailures(disk: VirtualDisk): readonly { readonly hasActed: boolean; readonly left: VirtualDisk }[] {
  const failures: { hasActed: boolean; left: VirtualDisk }[] = []
  let hasActed = false
  disk.watch = (_number, kind, path) => {
    failures.push({ hasActed, left: disk.image(new Random(1), 'none') })
    const isOwnPlace = path.startsWith('journal') || path.startsWith('checkpoint') || path === ''
    if (!isOwnPlace && kind !== 'flush' && kind !== 'syncDirectory') hasActed = true
  }
  new SyncHost(disk).open()
  assert.ok(failures.some((each) => each.hasActed) && failures.some((each) => !each.hasActed))
  return failures
}

function opened(disk: VirtualDisk): Host {
  const host: Host = new SyncHost(disk)
  assert.equal(host.open().damage, [])
  return host
}

/** The records, or `undefined` without the topic. */
function valuesOf(host: Host): readonly string[] | undefined {
  try {
    return host.fetchAll(TOPIC, 0).map(({ value }) => value)
  } catch (error) {
    if (LogError.is(error, 'UNKNOWN_TOPIC_OR_PARTITION')) return undefined
    throw error
  }
}

test('what an open read in a frame is there for good, once it has written a byte because of it', () => {
  const disk = killedInFlush((host, producerId) => send(host, producerId, 1, READABLE))
  for (const [index, { hasActed, left }] of powerFailures(disk).entries()) {
    const values = valuesOf(opened(left))
    assert.is(values?.[0], ACKNOWLEDGED, `operation ${index + 1}`)
    if (hasActed) assert.equal(values, [ACKNOWLEDGED, READABLE], `operation ${index + 1}`)
  }
})

test('a topic that a frame deletes is gone for good before its first file is', () => {
  const disk = killedInFlush((host) => host.start((done) => ({ kind: 'deleteTopic', name: TOPIC, done })))
  for (const [index, { hasActed, left }] of powerFailures(disk).entries()) {
    const values = valuesOf(opened(left))
    if (hasActed) assert.is(values, undefined, `operation ${index + 1}`)
    else assert.ok(values === undefined || values[0] === ACKNOWLEDGED, `operation ${index + 1}`)
  }
})

/**
 * The first image that `isMoment` names, of an open that goes on after it; what the open writes again goes to
 * `places`.
 */
function opening(
  disk: VirtualDisk,
  isMoment: (kind: string, path: string) => boolean,
  image: () => VirtualDisk,
  places: number[] = [],
): VirtualDisk {
  let left: VirtualDisk | undefined
  disk.watch = (_number, kind, path, range) => {
    if (kind === 'write' && path === RESTATED_FILE && range !== undefined) places.push(range.position)
    if (isMoment(kind, path)) left ??= image()
  }
  new SyncHost(disk).open()
  assert.ok(left)
  return left
}

const isFlushOfIt = (kind: string, path: string): boolean => kind === 'flush' && path === RESTATED_FILE

test('an open that dies there is repeated on other sectors each time: those of all frames that it reads stay', () => {
  let disk = killedInFlush((host, producerId) => send(host, producerId, 1, READABLE))
  const places: number[] = []
  for (let open = 0; open < 4; open++) {
    const killed = disk
    disk = opening(killed, isFlushOfIt, () => killed.image(new Random(1), 'kill'), places)
  }
  assert.is(new Set(places).size, 4)
  assert.equal(valuesOf(opened(disk)), [ACKNOWLEDGED, READABLE])
})

test('opens that are repeated without end after their flush take two places', () => {
  let disk = killedInFlush((host, producerId) => send(host, producerId, 1, READABLE))
  const places: number[] = []
  for (let open = 0; open < 6; open++) {
    const killed = disk
    const hasActed = (_kind: string, path: string) => path.endsWith('.log')
    disk = opening(killed, hasActed, () => killed.image(new Random(1), 'kill'), places)
  }
  assert.is(new Set(places).size, 2)
  assert.equal(valuesOf(opened(disk)), [ACKNOWLEDGED, READABLE])
})

test('it begins at the front again once a checkpoint covers what was there', () => {
  const places: number[] = []
  const first = killedInFlush((host, producerId) => send(host, producerId, 1, READABLE))
  const second = opening(first, isFlushOfIt, () => first.image(new Random(1), 'kill'), places)
  const third = opening(second, isFlushOfIt, () => second.image(new Random(1), 'kill'), places)
  const host = opened(third)
  const fourth = killedIn(host, () => send(host, host.openProducer(), 0, READABLE))
  opening(fourth, isFlushOfIt, () => fourth, places)
  assert.ok((places[1] ?? 0) > 0)
  assert.equal([places[0], places[2]], [0, 0])
})

// Of two frames that restate one the second may be the one that nobody flushed. Written in turn into two places, the
// third would have torn the first, on whose word the log had acted.
test('what one open acted on outlives two more that die: a process killed before its flush, then a power failure', () => {
  const value = READABLE.repeat(300)
  const first = killedInFlush((host, producerId) => send(host, producerId, 1, value))
  const hasActed = (_kind: string, path: string) => path.includes(TOPIC) && path.endsWith('.log')
  const acted = opening(first, hasActed, () => first.image(new Random(1), 'none'))
  for (let seed = 1; seed <= 20; seed++) {
    const again = acted.image(new Random(seed), 'none')
    const killed = opening(again, isFlushOfIt, () => again.image(new Random(seed), 'kill'))
    const left = opening(killed, isFlushOfIt, () => killed.image(new Random(seed), 'mixed'))
    assert.equal(valuesOf(opened(left)), [ACKNOWLEDGED, value], `seed ${seed}`)
  }
})

test.run()
