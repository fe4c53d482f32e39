// Rule 6b: the last whole frame is written again elsewhere and synced before anything acts on it, because being readable
// proves nothing. A process that is killed in the middle of a flush leaves a frame that the next open reads and a power
// failure takes back: here it comes before each operation of that open.
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { RESTATED_FILE } from '../../../bindings/log/journal/layout.ts'
import { LogError } from '../../../bindings/model/errors.ts'
import { SyncHost } from '../../../bindings/testkit/simulation/drive.ts'
import { Random } from '../../../bindings/testkit/simulation/random.ts'
import { VirtualDisk } from '../../../bindings/testkit/simulation/virtual-disk.ts'

const TOPIC = 't'
const ACKNOWLEDGED = 'acknowledged'
const READABLE = 'readable'

type Host = SyncHost<VirtualDisk>

/** A log with one acknowledged record, killed while it flushes the frame of what `ask` wants. */
function killedInFlush(ask: (host: Host, producerId: number) => void): VirtualDisk {
  const host: Host = new SyncHost(new VirtualDisk(), undefined)
  host.open()
  host.createTopic('AAAAAAAAAAAAAAAAAAAAAg', TOPIC, 1, {})
  const producerId = host.openProducer()
  send(host, producerId, 0, ACKNOWLEDGED)
  host.settle()
  let killed: VirtualDisk | undefined
  host.storage.watch = (_number, kind, path) => {
    if (kind === 'flush' && path.endsWith('.ring')) killed ??= host.storage.image(new Random(1), 'kill')
  }
  ask(host, producerId)
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
  new SyncHost(disk, undefined).open()
  assert.ok(failures.some((each) => each.hasActed) && failures.some((each) => !each.hasActed))
  return failures
}

function opened(disk: VirtualDisk): Host {
  const host: Host = new SyncHost(disk, undefined)
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

test('an open that dies there is repeated on other sectors each time: those of the frame that it reads stay', () => {
  let disk = killedInFlush((host, producerId) => send(host, producerId, 1, READABLE))
  const places: number[] = []
  for (let open = 0; open < 3; open++) {
    let died: VirtualDisk | undefined
    disk.watch = (_number, kind, path, range) => {
      if (kind === 'write' && path === RESTATED_FILE && range !== undefined) places.push(range.position)
      if (kind === 'flush' && path === RESTATED_FILE) died ??= disk.image(new Random(1), 'kill')
    }
    new SyncHost(disk, undefined).open()
    assert.ok(died)
    disk = died
  }
  assert.is(new Set(places.slice(0, 2)).size, 2)
  assert.equal(places[2], places[0])
  assert.equal(valuesOf(opened(disk)), [ACKNOWLEDGED, READABLE])
})

test.run()
