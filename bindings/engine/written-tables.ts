import type { Command } from './commands.ts'
import type { TableName } from './planned-change.ts'

const NONE: readonly TableName[] = []

/** The log's own tables that each command may change. */
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
 * The tables that must be writable before a command begins. A plan can't be taken back: if one of the tables turned out
 * to be damaged, the plans for the others would be left behind.
 */
export function writtenTables({ kind }: Command): readonly TableName[] {
  return WRITTEN[kind] ?? NONE
}
