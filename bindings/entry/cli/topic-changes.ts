import { type FSWatcher, readdirSync, watch } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { parsePartitionDirectory } from '../../log/files/file-names.ts'

/** The shortest time between two looks, and the longest one where the system reports no changes. */
export const LOOK_MS = 1000

/** Tells when to look at a topic's files again: something was written there, or somebody holds the log. */
export class TopicChanges {
  readonly #directory: string
  readonly #topic: string
  readonly #watchers = new Map<string, FSWatcher>()
  #hasChanged = false
  #wake: () => void = () => {}

  /** Every change from now on is noticed. */
  constructor(directory: string, topic: string) {
    this.#directory = directory
    this.#topic = topic
    this.#watchAll()
    this.#hasChanged = false
  }

  /** Resolves when something changed since it resolved the last time, and when the signal aborts. */
  async next(signal: AbortSignal): Promise<void> {
    await sleep(LOOK_MS, undefined, { signal }).catch(() => {})
    const isWatched = this.#watchAll()
    if (isWatched && !this.#hasChanged && !signal.aborted) {
      await new Promise<void>((resolve) => {
        this.#wake = resolve
        signal.addEventListener('abort', () => resolve(), { once: true })
      })
    }
    this.#hasChanged = false
  }

  close(): void {
    for (const watcher of this.#watchers.values()) watcher.close()
    this.#watchers.clear()
  }

  #watchAll(): boolean {
    const isOfTopic = (name: string) => parsePartitionDirectory(name)?.topic === this.#topic
    try {
      for (const name of ['.', ...readdirSync(this.#directory).filter(isOfTopic)]) this.#watch(name)
      return true
    } catch {
      // Too many watches, or a file system without them.
      return false
    }
  }

  #watch(name: string): void {
    if (this.#watchers.has(name)) return
    const watcher = watch(join(this.#directory, name), () => this.#changed())
    // The directory was removed; its parent's watcher reports that.
    watcher.on('error', () => this.#watchers.delete(name))
    this.#watchers.set(name, watcher)
    // Nobody reported what was written in it before it was watched.
    this.#changed()
  }

  #changed(): void {
    this.#hasChanged = true
    this.#wake()
  }
}
