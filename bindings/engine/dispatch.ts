import { backUp } from './back-up.ts'
import type { Command, CommandOf } from './commands.ts'
import type { EngineParts } from './engine-parts.ts'
import { isFinal } from './final-error.ts'
import type { TableName } from './planned-change.ts'
import { offsetsForTimestamp } from './timestamp-lookup.ts'
import { unread } from './unread.ts'

/** All but `close`, which is the engine's own. */
type Dispatched = Exclude<Command, { kind: 'close' }>

interface Route<K extends Dispatched['kind']> {
  /**
   * The log's own tables that the command may change: they, and the log, must be writable before it begins. A plan
   * can't be undone: if one of the tables turned out to be damaged later, the plans for the others would remain. And a
   * commit that fails ends the log, reads included.
   */
  readonly needsWritable?: readonly TableName[]
  /** Throws the error of a refused command. */
  readonly take: (parts: EngineParts, command: CommandOf<K>, now: number) => void
}

const ROUTES: { readonly [K in Dispatched['kind']]: Route<K> } = {
  openProducer: { needsWritable: [], take: ({ producerIds }, { done }) => producerIds.take(done) },
  append: { take: ({ appending }, command) => appending.append(command) },

  fetch: { take: ({ fetches }, { reader, request, done }) => fetches.start(reader, request, done) },
  wake: { take: ({ fetches }, { reader, isLast }) => fetches.wake(reader, isLast) },
  find: { take: ({ lookup }, command) => lookup.find(command) },
  offsetsForTimestamp: {
    take: ({ runner, topics, store, tails }, command) =>
      runner.start(
        tails.makingRoomFor(() => offsetsForTimestamp(command, topics, store)),
        command.done,
      ),
  },
  unread: {
    take: ({ runner, topics, store, tails }, command) =>
      runner.start(
        tails.makingRoomFor(() => unread(command, topics, store)),
        command.done,
      ),
  },

  createTopic: {
    needsWritable: ['catalogue'],
    take: ({ topicCommands }, command) => topicCommands.create(command),
  },
  deleteTopic: {
    needsWritable: ['catalogue', 'offsets', 'shares'],
    take: ({ topicCommands }, command) => topicCommands.delete(command),
  },
  createPartitions: {
    needsWritable: ['catalogue'],
    take: ({ topicCommands }, command) => topicCommands.createPartitions(command),
  },
  alterConfig: {
    needsWritable: ['catalogue'],
    take: ({ topicCommands }, command) => topicCommands.alterConfig(command),
  },
  deleteRecords: {
    needsWritable: ['catalogue'],
    take: ({ cleanup }, command) => cleanup.starts.deleteRecords(command),
  },

  joinGroup: { needsWritable: ['offsets'], take: ({ members }, command, now) => members.join(command, now) },
  syncGroup: { take: ({ members }, command, now) => members.sync(command, now) },
  leaveGroup: { take: ({ members }, command, now) => members.leave(command, now) },
  commitOffsets: { needsWritable: ['offsets'], take: ({ members }, command, now) => members.commit(command, now) },
  setOffsets: { needsWritable: ['offsets'], take: ({ members }, command, now) => members.setOffsets(command, now) },
  deleteGroup: {
    needsWritable: ['offsets'],
    take: ({ members }, command, now) => members.delete(command, now),
  },
  releaseGroups: { needsWritable: ['offsets'], take: ({ members }, command, now) => members.release(command, now) },

  acquireShare: {
    needsWritable: ['shares'],
    take: ({ shareMembers }, command, now) => shareMembers.acquire(command, now),
  },
  acknowledgeShare: {
    needsWritable: ['shares'],
    take: ({ shareMembers }, command, now) => shareMembers.acknowledge(command, now),
  },
  wakeShare: { take: ({ shareMembers }, command) => shareMembers.wake(command) },
  leaveShare: { take: ({ shareMembers }, command, now) => shareMembers.leave(command, now) },
  releaseShares: { take: ({ shareMembers }, command) => shareMembers.release(command) },
  startShareGroup: {
    needsWritable: ['shares'],
    take: ({ shareMembers }, command, now) => shareMembers.start(command, now),
  },
  deleteShareGroup: {
    needsWritable: ['shares'],
    take: ({ shareMembers }, command) => shareMembers.delete(command),
  },

  initTransactionalProducer: {
    needsWritable: ['transactions'],
    take: ({ transacting }, command) => transacting.init(command),
  },
  beginTransaction: { take: ({ transacting }, command) => transacting.begin(command) },
  sendOffsets: { needsWritable: ['offsets'], take: ({ transacting }, command) => transacting.sendOffsets(command) },
  awaitStableOffsets: { take: ({ transacting }, command) => transacting.awaitStableOffsets(command) },
  endTransaction: { needsWritable: ['transactions'], take: ({ transacting }, command) => transacting.end(command) },
  abortTransaction: { needsWritable: ['transactions'], take: ({ transacting }, command) => transacting.abort(command) },
  fenceProducer: { needsWritable: ['transactions'], take: ({ transacting }, command) => transacting.fence(command) },

  awaitDecisions: { take: ({ commits }, { done }) => commits.whenDecided(done) },
  backup: { take: ({ runner, store }, { target, done }) => runner.start(backUp(store, target), done) },
}

/**
 * Hands a command to the part that takes it. Throws the error of a refused command, unless plans may be the reason: its
 * caller hears of that once they are durable. A crash would make untrue what the caller was told.
 */
export function dispatch(parts: EngineParts, command: Dispatched, now: number): void {
  // TypeScript doesn't see that the row is the one of this command's kind.
  const { needsWritable, take } = ROUTES[command.kind] as Route<Dispatched['kind']>
  if (needsWritable !== undefined) {
    // Not by the tables alone: one that nobody has used yet isn't damaged.
    parts.store.assertWritable?.()
    for (const table of needsWritable) parts.topics.table(table).partition.assertWritable()
  }
  try {
    take(parts, command, now)
  } catch (error) {
    if (command.kind === 'wake' || !restsOnPlans(command) || isFinal(error)) throw error
    parts.commits.refuse(error, command.done)
  }
}

/** Whether what others asked for before may refuse it, as a topic that is being deleted or a producer that is fenced. */
function restsOnPlans(command: Dispatched): boolean {
  if (command.kind === 'beginTransaction') return true
  // Borrowed records that are refused come again as copies.
  if (command.kind === 'append') return command.isTransactional && command.isBorrowed !== true
  return ROUTES[command.kind].needsWritable !== undefined
}
