import { openLog } from '../../bindings/entry/embedded/embedded-log.ts'
import { nodePort } from '../../bindings/entry/embedded/node-port.ts'
import { type ImportOptions, importKafka } from '../../bindings/entry/import/import-kafka.ts'
import type { ImportReport } from '../../bindings/entry/import/import-report.ts'
import type { EmbeddedLog } from '../../bindings/entry/node.ts'
import { NewLog } from '../../bindings/log/new-log/new-log.ts'
import type { Task } from '../../bindings/storage/effect.ts'
import { runTask } from '../../bindings/storage/run-task.ts'
import { VirtualDisk } from '../../bindings/testkit/simulation/virtual-disk.ts'
import { kernel, TIME } from './kafka-source.ts'

const RING = { ringFileBytes: 65_536, ringFiles: 2, ringFilesUsual: 2, ringFilesMax: 8 }

/** Without a target nothing is written. */
export function importing(
  source: VirtualDisk,
  target: VirtualDisk | undefined,
  options: Partial<ImportOptions> = {},
): Task<ImportReport> {
  const begin = target && (() => NewLog.begin({ store: target, kernel, options: { ...RING, random: () => 0.5 } }))
  return importKafka(source, kernel, begin, {
    source: 'source',
    groups: true,
    leaveOutDamaged: false,
    now: TIME * 1.01,
    newTopicId: () => 'AAAAAAAAAAAAAAAAAAAJAA',
    progressed: () => {},
    ...options,
  })
}

export interface Imported {
  readonly report: ImportReport
  readonly target: VirtualDisk
  readonly log: EmbeddedLog
}

/** Imports and opens. */
export async function imported(source: VirtualDisk, options: Partial<ImportOptions> = {}): Promise<Imported> {
  const target = new VirtualDisk()
  const before = source.digest()
  const report = await runTask(importing(source.reopened(), target, options))
  if (source.digest() !== before) throw new Error('the source was written to')
  return { report, target, log: await openLog(target.reopened(), nodePort) }
}

/** `offset:value` of each record that a reader sees. */
export async function seen(
  log: EmbeddedLog,
  topic: string,
  isolationLevel: 'read_committed' | 'read_uncommitted' = 'read_committed',
): Promise<string[]> {
  const found: string[] = []
  for await (const { offset, value } of log.read(topic, { until: 'end', isolationLevel }))
    found.push(`${offset}:${value === null ? 'null' : Buffer.from(value).toString()}`)
  return found
}
