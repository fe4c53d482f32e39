import { backUp } from './back-up.ts'
import type { Command } from './commands.ts'
import type { EngineParts } from './engine-parts.ts'
import { offsetsForTimestamp } from './timestamp-lookup.ts'
import { writtenTables } from './written-tables.ts'

/** Which part takes a command. What it refuses is thrown. */
export function dispatch(parts: EngineParts, command: Exclude<Command, { kind: 'close' }>, now: number): void {
  for (const table of writtenTables(command)) parts.topics.table(table).partition.assertWritable()
  switch (command.kind) {
    case 'openProducer':
      return parts.producerIds.take(command.done)
    case 'append':
      return parts.appending.append(command)
    case 'fetch':
      return parts.fetches.start(command.reader, command.request, command.done)
    case 'wake':
      return parts.fetches.wake(command.reader)
    case 'find':
      return parts.fetches.find(command)
    case 'createTopic':
      return parts.topicCommands.create(command)
    case 'deleteTopic':
      return parts.topicCommands.delete(command)
    case 'createPartitions':
      return parts.topicCommands.createPartitions(command)
    case 'alterConfig':
      return parts.topicCommands.alterConfig(command)
    case 'deleteRecords':
      return parts.keeping.starts.deleteRecords(command)
    case 'joinGroup':
    case 'syncGroup':
    case 'leaveGroup':
    case 'commitOffsets':
    case 'setOffsets':
    case 'deleteGroup':
    case 'releaseGroups':
      return parts.members.take(command, now)
    case 'acquireShare':
    case 'acknowledgeShare':
    case 'wakeShare':
    case 'leaveShare':
    case 'releaseShares':
    case 'startShareGroup':
    case 'deleteShareGroup':
      return parts.shareMembers.take(command, now)
    case 'offsetsForTimestamp':
      return parts.runner.start(offsetsForTimestamp(command, parts.topics, parts.store), command.done)
    case 'initTransactionalProducer':
    case 'beginTransaction':
    case 'sendOffsets':
    case 'awaitStableOffsets':
    case 'endTransaction':
    case 'abortTransaction':
    case 'fenceProducer':
      return parts.transacting.take(command)
    case 'backup':
      return parts.runner.start(backUp(parts.store, command.target), command.done)
  }
}
