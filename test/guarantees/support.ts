import { spawnSync } from 'node:child_process'
import { rmSync } from 'node:fs'
import { join } from 'node:path'
import * as assert from 'uvu/assert'
import type { ImageMode } from '../../bindings/testkit/simulation/image.ts'
import { Random } from '../../bindings/testkit/simulation/random.ts'
import { SyncHost } from '../../bindings/testkit/simulation/sync-host.ts'
import { VirtualDisk } from '../../bindings/testkit/simulation/virtual-disk.ts'
import { LOADER } from '../runner/loader.ts'
import { scratchDirectory } from '../scratch.ts'

export const TOPIC_ID = 'AAAAAAAAAAAAAAAAAAAAAg'

/** What the example of a question prints. */
export function example(name: string): string {
  const home = scratchDirectory('guarantee')
  try {
    const words = [...LOADER, `examples/guarantees/${name}.ts`, join(home, 'data')]
    const { status, stdout, stderr } = spawnSync(process.execPath, words, { encoding: 'utf8' })
    assert.is(status, 0, stderr)
    return stdout
  } finally {
    rmSync(home, { recursive: true, force: true })
  }
}

/** A log with the topic t, of three partitions, on a disk that can be crashed. */
export function fresh(): SyncHost<VirtualDisk> {
  const host = new SyncHost(new VirtualDisk())
  host.open()
  host.createTopic(TOPIC_ID, 't', 3, {})
  return host
}

/** The log opened on what a crash left: `kill` all that was written, `none` only what was synced. */
export function afterCrash(host: SyncHost<VirtualDisk>, mode: ImageMode): SyncHost<VirtualDisk> {
  const later = new SyncHost(host.storage.image(new Random(1), mode))
  later.open()
  return later
}

export function values(host: SyncHost, partition = 0, isolation?: 'read_uncommitted'): string[] {
  return host.fetchAll('t', partition, isolation).map(({ value }) => value)
}

/** The last sequence of a producer is its caller's business. */
export function plain(
  host: SyncHost,
  producerId: number,
  baseSequence: number,
  value: string,
  acks: 1 | 'all',
): number {
  const sent = host.send({
    ...{ topic: 't', partition: 0, producerId, producerEpoch: 0, baseSequence, acks },
    values: [value],
  })
  host.settle()
  if (sent.error !== undefined) throw sent.error
  return sent.value?.baseOffset ?? -1
}
