// Whatever fails, a log that was closed, or whose open was refused, has no file open any more: a program that opens the
// next one would run out of descriptors.
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { LogError } from '../../../bindings/model/errors.ts'
import type { StoreFile } from '../../../bindings/storage/file-store.ts'
import { DiskFaults, type Fault, type FaultableKind } from '../../../bindings/testkit/simulation/faults.ts'
import { Random } from '../../../bindings/testkit/simulation/random.ts'
import { SyncHost } from '../../../bindings/testkit/simulation/sync-host.ts'
import { VirtualDisk } from '../../../bindings/testkit/simulation/virtual-disk.ts'

/** Knows which of its files nobody has closed. */
class WatchedDisk extends VirtualDisk {
  readonly openFiles: Map<object, string> = new Map()

  override open(path: string, options: { readonly create: boolean }): StoreFile | undefined {
    const file = super.open(path, options)
    if (file === undefined) return undefined
    const opened = {}
    this.openFiles.set(opened, path)
    const close = file.close.bind(file)
    file.close = () => {
      this.openFiles.delete(opened)
      close()
    }
    return file
  }
}

const CONFIG = { 'segment.bytes': 2000, 'segment.ms': 1e9 }
const COMPACTED = { ...CONFIG, 'cleanup.policy': 'compact', 'min.cleanable.dirty.ratio': 0.01 }
const PLACES = [
  ['kept', 0, null],
  ['kept', 1, null],
  ['compacted', 0, 'key'],
] as const

/** Segments fill up and are compacted, records and topics go, checkpoints and a backup come. */
function live(host: SyncHost, backup?: WatchedDisk): void {
  host.createTopic('AAAAAAAAAAAAAAAAAAAAAg', 'kept', 2, CONFIG)
  host.createTopic('AAAAAAAAAAAAAAAAAAAAAw', 'compacted', 1, COMPACTED)
  const producerId = host.openProducer()
  for (let baseSequence = 0; baseSequence < 12; baseSequence++) {
    for (const [topic, partition, key] of PLACES) {
      const value = `${baseSequence}${'x'.repeat(600)}`
      const records = [{ key, value, timestamp: undefined, headers: undefined }]
      const acks = baseSequence % 2 === 0 ? 1 : 'all'
      const request = { topic, partition, producerEpoch: 0, baseSequence, acks, records } as const
      host.start((done) => ({ kind: 'append', producerId, request, isTransactional: false, done }))
    }
    host.settle()
  }
  host.fetchAll('kept', 0)
  const at = [{ topic: 'kept', partition: 1, beforeOffset: 9 }]
  host.ask<readonly number[]>((done) => ({ kind: 'deleteRecords', at, done }))
  host.passTime(60_000)
  if (backup === undefined) return
  const target = { store: backup, link: () => false }
  host.ask<void>((done) => ({ kind: 'backup', target, done }))
  host.ask<void>((done) => ({ kind: 'deleteTopic', name: 'compacted', done }))
  host.passTime(60_000)
  host.close()
}

function unlessTyped(work: () => void): void {
  try {
    work()
  } catch (error) {
    if (!LogError.is(error)) throw error
  }
}

/** Returns the files that are open in the end, and whether the fault struck. */
function leftOpen(fault: Fault, isRecovery: boolean): { readonly left: readonly string[]; readonly struck: number } {
  const first = new WatchedDisk()
  if (isRecovery) {
    const killed = new SyncHost(first)
    killed.open()
    live(killed)
    killed.discard()
  }
  const disk = isRecovery ? new WatchedDisk(first.image(new Random(1), 'kill').root) : first
  const faults = new DiskFaults([fault])
  disk.faults = faults
  const copy = new WatchedDisk()
  const host = new SyncHost(disk)
  let isOpen = false
  unlessTyped(() => {
    host.open()
    isOpen = true
    if (!isRecovery) live(host, copy)
  })
  // A refused open has given everything back already.
  if (isOpen) unlessTyped(() => host.close())
  host.settle()
  host.discard()
  return { left: [...disk.openFiles.values(), ...copy.openFiles.values()], struck: faults.struck }
}

const KINDS: readonly FaultableKind[] = [
  'open',
  'create',
  'read',
  'write',
  'truncate',
  'flush',
  'rename',
  'remove',
  'syncDirectory',
]

/** Each operation of a kind fails in turn. Returns which left which files open. */
function leftOpenByEach(kind: FaultableKind, effect: Fault['effect'], isRecovery: boolean): readonly string[] {
  const found: string[] = []
  for (let at = 1; ; at++) {
    const { left, struck } = leftOpen({ kind, effect, at }, isRecovery)
    if (left.length > 0) found.push(`${kind} ${at}: ${left.join(' ')}`)
    if (struck > 0) continue
    assert.ok(at > 1, `no ${kind} was struck`)
    return found
  }
}

for (const kind of KINDS) {
  test(`each ${kind} of a life fails`, () => {
    assert.equal(leftOpenByEach(kind, 'error', false), [])
  })

  test(`each ${kind} of an open after a kill fails`, () => {
    assert.equal(leftOpenByEach(kind, 'error', true), [])
  })
}

for (const kind of ['create', 'flush', 'write'] as const) {
  test(`each ${kind} of a life finds the disk full`, () => {
    assert.equal(leftOpenByEach(kind, 'full', false), [])
  })
}

test.run()
