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

/** Segments fill up and are compacted, records and topics go, checkpoints come. */
function live(host: SyncHost, isKilled: boolean): void {
  host.createTopic('AAAAAAAAAAAAAAAAAAAAAg', 'kept', 2, CONFIG)
  host.createTopic('AAAAAAAAAAAAAAAAAAAAAw', 'compacted', 1, {
    ...CONFIG,
    'cleanup.policy': 'compact',
    'min.cleanable.dirty.ratio': 0.01,
  })
  const producerId = host.openProducer()
  for (let count = 0; count < 12; count++) {
    for (const [topic, partition] of [
      ['kept', 0],
      ['kept', 1],
    ] as const) {
      const values = [`${count}${'x'.repeat(600)}`]
      host.send({
        topic,
        partition,
        producerId,
        producerEpoch: 0,
        baseSequence: count,
        values,
        acks: count % 2 === 0 ? 1 : 'all',
      })
    }
    host.settle()
  }
  host.fetchAll('kept', 0)
  host.ask<readonly number[]>((done) => ({
    kind: 'deleteRecords',
    at: [{ topic: 'kept', partition: 1, beforeOffset: 9 }],
    done,
  }))
  host.passTime(60_000)
  if (isKilled) return
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
    live(killed, true)
    killed.discard()
  }
  const disk = isRecovery ? new WatchedDisk(first.image(new Random(1), 'kill').root) : first
  const faults = new DiskFaults([fault])
  disk.faults = faults
  const host = new SyncHost(disk)
  let isOpen = false
  unlessTyped(() => {
    host.open()
    isOpen = true
    if (!isRecovery) live(host, false)
  })
  // A refused open has given everything back already.
  if (isOpen) unlessTyped(() => host.close())
  host.settle()
  host.discard()
  return { left: [...disk.openFiles.values()], struck: faults.struck }
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
