import type { FetchedPartition, FetchRequest } from '../../broker/reader-session.ts'
import type { TopicFacts } from '../../broker/topic-facts.ts'
import type { BackupTarget } from '../../storage/backup-target.ts'
import type { Callback, Command } from '../commands.ts'
import type { Engine } from '../engine.ts'

/** What sessions need of the log they belong to. */
export interface SessionHost {
  readonly engine: Engine
  now(): number
  submit(command: Command): void
  /** Gives a command to the engine, and resolves with its result. */
  ask<T>(command: (done: Callback<T>) => Command): Promise<T>
  /** As `ask`, for what is in memory: resolves with what `look` returns now. */
  tell<T>(look: () => T): Promise<T>
  /** UNKNOWN_TOPIC_OR_PARTITION. */
  facts(topic: string): TopicFacts | Promise<TopicFacts>
  /** As `ask`; `undefined` if the command is refused at once. */
  askUnlessRefused<T>(command: (done: Callback<T>) => Command): Promise<T> | undefined
  /** As `ask`, for a command that may wait for what other processes send. */
  askWaiting<T>(session: object, command: (done: Callback<T>) => Command): Promise<T>
  fetch(reader: object, request: FetchRequest): Promise<readonly FetchedPartition[]>
  newTopicId(): string
  backupTarget(directory: string): BackupTarget
}
