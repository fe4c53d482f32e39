import type { Content } from './content.ts'
import { applyEntries, DirectoryNode, type DiskNode, FileNode } from './disk-nodes.ts'
import { contentLeft, type EntriesLeft, entriesLeft, type FileSystem } from './file-systems.ts'
import type { Random } from './random.ts'

/**
 * What a crash leaves:
 * - `kill`: the process died, the machine lives: all that was written is seen, and still not durable;
 * - `torn`: the same, and a part of the write that was under way;
 * - `none`: the power failed and only what was flushed and synced is there;
 * - `all`: everything reached the disk by itself;
 * - `mixed`: of what was not durable as much as chance and the file system leave (file-systems.ts).
 */
export type ImageMode = 'kill' | 'torn' | 'none' | 'all' | 'mixed'

/** The write before whose end the crash came. */
export interface WriteUnderWay {
  readonly node: FileNode
  readonly bytes: Uint8Array
  readonly position: number
}

interface Circumstances {
  readonly underWay: WriteUnderWay | undefined
  readonly fileSystem: FileSystem
}

/** Copies a tree of directories into a state that a crash may leave; the original isn't changed. */
export class ImageMaker {
  readonly #mode: ImageMode
  readonly #random: Random
  readonly #around: Circumstances
  readonly #made = new Map<DiskNode, DiskNode>()
  #entriesLeft: EntriesLeft = () => []

  constructor(mode: ImageMode, random: Random, around: Circumstances) {
    this.#mode = mode
    this.#random = random
    this.#around = around
  }

  tree(root: DirectoryNode): DirectoryNode {
    if (this.#mode === 'mixed') this.#entriesLeft = entriesLeft(root, this.#around.fileSystem, this.#random)
    return this.#directory(root)
  }

  #directory(source: DirectoryNode): DirectoryNode {
    const known = this.#made.get(source)
    if (known !== undefined) return known as DirectoryNode
    const made = new DirectoryNode()
    this.#made.set(source, made)
    if (this.#mode === 'kill' || this.#mode === 'torn') {
      made.visible = this.#entries(source.visible)
      made.durable = this.#entries(source.durable)
      made.pending = source.pending.map(({ order, entries }) => ({
        order,
        entries: entries.map(([name, node]) => [name, node && this.#node(node)] as const),
      }))
      return made
    }
    made.durable = this.#entries(this.#surviving(source))
    made.visible = new Map(made.durable)
    return made
  }

  #surviving(source: DirectoryNode): Map<string, DiskNode> {
    if (this.#mode === 'all') return source.visible
    const directory = new Map(source.durable)
    for (const entries of this.#entriesLeft(source)) applyEntries(directory, entries)
    return directory
  }

  #entries(source: ReadonlyMap<string, DiskNode>): Map<string, DiskNode> {
    return new Map([...source].map(([name, node]) => [name, this.#node(node)]))
  }

  #node(source: DiskNode): DiskNode {
    if (source instanceof DirectoryNode) return this.#directory(source)
    let made = this.#made.get(source)
    if (made === undefined) {
      made = this.#file(source)
      this.#made.set(source, made)
    }
    return made
  }

  #file(source: FileNode): FileNode {
    const { underWay } = this.#around
    if (this.#mode === 'kill' || this.#mode === 'torn') {
      const made = new FileNode(source.visible.copy(), source.durable.copy())
      made.isSpace = source.isSpace
      made.pending = [...source.pending]
      made.hasDropped = source.hasDropped
      if (this.#mode === 'torn' && underWay?.node === source) this.#tear(made, underWay)
      return made
    }
    const content = this.#content(source)
    const made = new FileNode(content, content.copy())
    made.isSpace = source.isSpace
    return made
  }

  #tear(made: FileNode, { bytes, position }: WriteUnderWay): void {
    const part = bytes.slice(0, this.#random.below(bytes.length))
    if (part.length > 0) made.write(part, position)
  }

  #content(source: FileNode): Content {
    if (this.#mode === 'none') return source.durable.copy()
    if (this.#mode === 'all') return source.written()
    const { underWay, fileSystem } = this.#around
    const written = underWay?.node === source && !source.isSpace ? [{ kind: 'write' as const, ...underWay }] : []
    return contentLeft(source, [...source.pending, ...written], fileSystem, this.#random)
  }
}
