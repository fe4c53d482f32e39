// The parts used of packages that bring no types of their own, or whose types are not installed.

declare module 'better-sqlite3' {
  interface Statement {
    run(...values: readonly unknown[]): unknown
    raw(): Statement
    get(...values: readonly unknown[]): readonly [Uint8Array, Uint8Array] | undefined
    all(...values: readonly unknown[]): (readonly [Uint8Array, Uint8Array])[]
  }
  export default class Database {
    constructor(file: string)
    exec(sql: string): this
    prepare(sql: string): Statement
    close(): this
  }
}

declare module 'node:sqlite' {
  interface Statement {
    run(...values: readonly unknown[]): unknown
    setReturnArrays(arrays: boolean): void
    get(...values: readonly unknown[]): readonly [Uint8Array, Uint8Array] | undefined
    all(...values: readonly unknown[]): (readonly [Uint8Array, Uint8Array])[]
  }
  export class DatabaseSync {
    constructor(file: string)
    exec(sql: string): void
    prepare(sql: string): Statement
    close(): void
  }
}

declare module 'event-storage' {
  interface StorageConfig {
    dataDirectory: string
    serializer: { serialize(document: string): string; deserialize(data: string): string }
    readBufferSize: number
    writeBufferSize: number
    syncOnFlush: boolean
    lock?: number
    indexOptions?: { writeBufferSize?: number; flushDelay?: number }
  }
  class Storage {
    constructor(name: string, config: StorageConfig)
    readonly length: number
    open(): boolean
    write(document: string): number
    flush(): unknown
    read(number: number): string | false
    readRange(from: number, until?: number): Iterable<string>
    close(): void
    unlock(): void
  }
  const library: { Storage: typeof Storage & { LOCK_RECLAIM: number } }
  export default library
}

declare module 'async-append-only-log' {
  type Done<T = void> = (error: Error | null, value: T) => void
  interface Sink {
    paused: boolean
    write(record: Buffer): void
    end(error?: Error): void
  }
  interface OffsetLog {
    append(records: readonly Buffer[] | Buffer, done: Done<number>): void
    onDrain(done: () => void): void
    stream(options: { offsets: boolean; values: boolean }): { pipe(sink: Sink): void }
    get(position: number, done: Done<Buffer>): void
    close(done: Done): void
  }
  export default function openLog(file: string, options: { blockSize: number; writeTimeout: number }): OffsetLog
}
