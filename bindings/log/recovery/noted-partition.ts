import type { StoredPartition } from '../../storage/stored-state.ts'
import type { CatalogueTopic } from '../catalogue/topic-table.ts'
import type { CheckpointPartition } from '../checkpoint/checkpoint-record.ts'
import { partitionDirectory } from '../files/file-names.ts'
import { recoveryMarks } from '../recovery-marks.ts'
import { SegmentList } from '../segment/segment-list.ts'
import { StoredFiles } from '../stored-files/stored-files.ts'
import type { RecoveryInput } from './recovery-input.ts'

/**
 * What the checkpoint says of a partition whose log start was moved since: segments below it may be gone. Never the
 * last one, in which recovery goes on (durability rule 11).
 */
export function aboveStart(noted: CheckpointPartition, topic: CatalogueTopic | undefined): CheckpointPartition {
  const logStartOffset = Math.max(noted.logStartOffset, startOf(topic, noted.partition))
  const segments = noted.segments.filter((each, index, all) => {
    return each.nextOffset > logStartOffset || index === all.length - 1
  })
  if (segments.length < noted.segments.length) recoveryMarks.hit('segments-below-start')
  return { ...noted, logStartOffset, segments }
}

function startOf(topic: CatalogueTopic | undefined, partition: number): number {
  return topic?.logStartOffsets.get(partition) ?? 0
}

export function filesOf(
  input: RecoveryInput,
  id: StoredPartition['id'],
  noted: CheckpointPartition | undefined,
): StoredFiles {
  const directory = partitionDirectory(id.topic, id.partition)
  const config = () => input.configs.of(id)
  const segments = new SegmentList(input.segments, directory, config, noted?.segments ?? [])
  const files = new StoredFiles(id, directory, segments, noted)
  files.readOnly = noted?.readOnly ?? false
  files.damage = noted?.damage
  return files
}

export function storedOf(id: StoredPartition['id'], noted: CheckpointPartition, files: StoredFiles): StoredPartition {
  const { logStartOffset, nextOffset, ceiling, producers } = noted
  const maxTimestamp = files.segments.active?.maxTimestamp ?? -1
  const { readOnly, damageReport: damage } = files
  return { id, logStartOffset, nextOffset, ceiling, producers, maxTimestamp, readOnly, damage }
}
