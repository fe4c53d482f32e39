import { applyChange, type Content, DirectoryNode, type DiskNode, FileNode, type PendingChange } from './content.ts'
import type { Random } from './random.ts'

/**
 * What a crash leaves:
 * - `kill`: the process died, the machine lives: all that was written is seen, and still not durable;
 * - `torn`: the same, and a part of the write that was under way;
 * - `none`: the power failed and only what was flushed and synced is there;
 * - `all`: everything reached the disk by itself;
 * - `mixed`: every sector, size and entry that was not durable is old, new or (a sector) garbage, by chance.
 */
export type ImageMode = 'kill' | 'torn' | 'none' | 'all' | 'mixed'

/** The write before whose end the crash came. */
export interface WriteUnderWay {
  readonly node: FileNode
  readonly bytes: Uint8Array
  readonly position: number
}

export const SECTOR_BYTES = 512

/** Copies a tree of directories into a legal state after a crash; the original goes on as if nothing had been. */
export class ImageMaker {
  readonly #mode: ImageMode
  readonly #random: Random
  readonly #underWay: WriteUnderWay | undefined
  readonly #made = new Map<DiskNode, DiskNode>()

  constructor(mode: ImageMode, random: Random, underWay: WriteUnderWay | undefined) {
    this.#mode = mode
    this.#random = random
    this.#underWay = underWay
  }

  directory(source: DirectoryNode): DirectoryNode {
    const known = this.#made.get(source)
    if (known !== undefined) return known as DirectoryNode
    const made = new DirectoryNode()
    this.#made.set(source, made)
    if (this.#mode === 'kill' || this.#mode === 'torn') {
      made.visible = this.#entries(source.visible)
      made.durable = this.#entries(source.durable)
      made.pending = source.pending.map((change) =>
        change.map(([name, node]) => [name, node && this.#node(node)] as const),
      )
      return made
    }
    made.durable = this.#entries(this.#surviving(source))
    made.visible = new Map(made.durable)
    return made
  }

  #surviving(source: DirectoryNode): Map<string, DiskNode> {
    if (this.#mode === 'all') return source.visible
    const entries = new Map(source.durable)
    if (this.#mode === 'mixed') {
      for (const change of source.pending) if (this.#random.chance(0.5)) applyChange(entries, change)
    }
    return entries
  }

  #entries(source: ReadonlyMap<string, DiskNode>): Map<string, DiskNode> {
    return new Map([...source].map(([name, node]) => [name, this.#node(node)]))
  }

  #node(source: DiskNode): DiskNode {
    if (source instanceof DirectoryNode) return this.directory(source)
    let made = this.#made.get(source)
    if (made === undefined) {
      made = this.#file(source)
      this.#made.set(source, made)
    }
    return made
  }

  #file(source: FileNode): FileNode {
    if (this.#mode === 'kill' || this.#mode === 'torn') {
      const made = new FileNode(source.visible.copy(), source.durable.copy())
      made.pending = [...source.pending]
      made.hasDropped = source.hasDropped
      if (this.#mode === 'torn' && this.#underWay?.node === source) this.#tear(made, this.#underWay)
      return made
    }
    const content = this.#content(source)
    return new FileNode(content, content.copy())
  }

  #tear(made: FileNode, { bytes, position }: WriteUnderWay): void {
    const part = bytes.slice(0, this.#random.below(bytes.length))
    if (part.length === 0) return
    made.visible.write(part, position)
    made.pending.push({ kind: 'write', bytes: part, position })
  }

  #content(source: FileNode): Content {
    if (this.#mode === 'none') return source.durable.copy()
    if (this.#mode === 'all') return source.written()
    const pending: PendingChange[] = [...source.pending]
    if (this.#underWay?.node === source) pending.push({ kind: 'write', ...this.#underWay })
    const content = source.durable.copy()
    for (const change of pending) {
      if (change.kind === 'write') this.#mixWrite(content, change.bytes, change.position)
      else if (this.#random.chance(0.5)) content.truncate(change.sizeBytes)
    }
    return content
  }

  /** Sector by sector; a sector that the write touches may be lost whole, bytes that were durable before included. */
  #mixWrite(content: Content, bytes: Uint8Array, position: number): void {
    const random = this.#random
    const end = position + bytes.length
    if (content.sizeBytes < end && random.chance(0.5)) content.truncate(end)
    const favoured = random.unit()
    const first = Math.floor(position / SECTOR_BYTES) * SECTOR_BYTES
    for (let sector = first; sector < end; sector += SECTOR_BYTES) {
      const from = Math.max(sector, position)
      const to = Math.min(sector + SECTOR_BYTES, end)
      const kept = random.unit()
      if (kept < favoured) content.write(bytes.subarray(from - position, to - position), from)
      else if (random.chance(0.3)) this.#spoil(content, sector, to)
    }
  }

  #spoil(content: Content, sector: number, end: number): void {
    const to = Math.min(sector + SECTOR_BYTES, Math.max(content.sizeBytes, end))
    const garbage = new Uint8Array(to - sector)
    this.#random.fill(garbage)
    content.write(garbage, sector)
  }
}
