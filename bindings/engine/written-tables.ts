import type { Command } from './commands.ts'
import type { TableName } from './planned-change.ts'

const NONE: readonly TableName[] = []

/** Which of the log's own tables a command may change. */
const WRITTEN: Readonly<Partial<Record<Command['kind'], readonly TableName[]>>> = {
  createTopic: ['catalogue'],
  deleteTopic: ['catalogue', 'offsets', 'shares'],
  createPartitions: ['catalogue'],
  alterConfig: ['catalogue'],
  deleteRecords: ['catalogue'],
  joinGroup: ['offsets'],
  commitOffsets: ['offsets'],
  setOffsets: ['offsets'],
  deleteGroup: ['offsets'],
  releaseGroups: ['offsets'],
  acquireShare: ['shares'],
  acknowledgeShare: ['shares'],
  startShareGroup: ['shares'],
  deleteShareGroup: ['shares'],
  initTransactionalProducer: ['transactions'],
  sendOffsets: ['offsets'],
  endTransaction: ['transactions'],
  abortTransaction: ['transactions'],
  fenceProducer: ['transactions'],
}

/**
 * Those that have to be writable before a command begins: what was planned can't be taken back, and a change that is refused
 * because one of its tables is damaged would leave the plans of the others behind.
 */
export function writtenTables({ kind }: Command): readonly TableName[] {
  return WRITTEN[kind] ?? NONE
}
