import type { Content } from './content.ts'
import { DirectoryNode, type DiskNode, type Entry, FileNode, type PendingChange } from './disk-nodes.ts'
import type { Random } from './random.ts'

/**
 * What systems make of a power failure, beyond what was flushed and synced:
 * - `posix`: as little as the standard asks: every sector, size and name on its own, garbage too; a file that was
 *   renamed may have both names;
 * - `ordered`: changes of directories reach the disk in their order, and a file's bytes before the size that shows them
 *   (ext4, data=ordered without delayed allocation);
 * - `delayed`: changes of directories in their order, and of a file a part of what was written last, or nothing: it may
 *   be empty under its name (ext4 with delayed allocation);
 * - `zeroed`: changes of directories in their order, sizes before bytes: what didn't arrive is zeros (XFS and its
 *   kind).
 */
export type FileSystem = (typeof FILE_SYSTEMS)[number]

export const FILE_SYSTEMS = ['posix', 'ordered', 'delayed', 'zeroed'] as const

const SECTOR_BYTES = 512

/** Of the changes since each directory's last sync, those that reached the disk: a directory's entries then. */
export type EntriesLeft = (directory: DirectoryNode) => readonly (readonly Entry[])[]

/** Draws which changes of directories a power failure leaves. */
export function entriesLeft(root: DirectoryNode, fileSystem: FileSystem, random: Random): EntriesLeft {
  if (fileSystem === 'posix') {
    return ({ pending }) => pending.flatMap(({ entries }) => (random.chance(0.5) ? [renamed(entries, random)] : []))
  }
  const orders = [...pendingOrders(root, new Set())].sort((a, b) => a - b)
  const last = orders[random.below(orders.length + 1) - 1] ?? -1
  return ({ pending }) => pending.flatMap(({ order, entries }) => (order <= last ? [entries] : []))
}

/** A rename removes one name and adds the other: some systems do one of the two and not yet the other. */
function renamed(entries: readonly Entry[], random: Random): readonly Entry[] {
  const [, given] = entries
  return given?.[1] instanceof FileNode && random.chance(0.2) ? [given] : entries
}

function* pendingOrders(node: DiskNode, seen: Set<DiskNode>): Iterable<number> {
  if (!(node instanceof DirectoryNode) || seen.has(node)) return
  seen.add(node)
  for (const { order } of node.pending) yield order
  for (const below of [...node.visible.values(), ...node.durable.values()]) yield* pendingOrders(below, seen)
}

/**
 * What a power failure leaves of a file: what was flushed, and as much of what was written since as chance and the file
 * system leave.
 */
export function contentLeft(
  { durable }: FileNode,
  pending: readonly PendingChange[],
  fileSystem: FileSystem,
  random: Random,
): Content {
  const content = durable.copy()
  const counted = fileSystem === 'delayed' ? pending.slice(0, random.below(pending.length + 1)) : pending
  for (const change of counted) {
    if (change.kind === 'truncate') {
      if (fileSystem === 'delayed' || random.chance(0.5)) content.truncate(change.sizeBytes)
    } else LEAVE[fileSystem](content, change.bytes, change.position, random)
  }
  return content
}

type Leave = (content: Content, bytes: Uint8Array, position: number, random: Random) => void

const LEAVE: Readonly<Record<FileSystem, Leave>> = { posix: mixed, ordered: grown, delayed: cut, zeroed: holes }

/** Sector by sector; a sector that the write touches may be lost whole, with bytes in it that were durable before. */
function mixed(content: Content, bytes: Uint8Array, position: number, random: Random): void {
  const end = position + bytes.length
  if (content.sizeBytes < end && random.chance(0.5)) content.truncate(end)
  const favoured = random.unit()
  for (const [from, to] of sectors(position, end)) {
    const kept = random.unit()
    if (kept < favoured) content.write(bytes.subarray(from - position, to - position), from)
    else if (random.chance(0.3)) spoil(content, Math.floor(from / SECTOR_BYTES) * SECTOR_BYTES, to, random)
  }
}

/** Bytes over others sector by sector, then as many new ones as the size shows. */
function grown(content: Content, bytes: Uint8Array, position: number, random: Random): void {
  const before = content.sizeBytes
  const end = position + bytes.length
  const sizeBytes = before < position ? before : Math.max(before, position + random.below(bytes.length + 1))
  for (const [from, to] of sectors(position, Math.min(end, sizeBytes))) {
    if (from >= before || random.chance(0.5)) content.write(bytes.subarray(from - position, to - position), from)
  }
}

/** The last write that the system got to may be cut. */
function cut(content: Content, bytes: Uint8Array, position: number, random: Random): void {
  const kept = random.chance(0.7) ? bytes.length : random.below(bytes.length + 1)
  if (kept > 0) content.write(bytes.subarray(0, kept), position)
}

/** The size is there, and some sectors of the bytes. */
function holes(content: Content, bytes: Uint8Array, position: number, random: Random): void {
  const end = position + bytes.length
  if (content.sizeBytes < end && random.chance(0.7)) content.truncate(end)
  const favoured = random.unit()
  for (const [from, to] of sectors(position, Math.min(end, content.sizeBytes))) {
    if (random.unit() < favoured) content.write(bytes.subarray(from - position, to - position), from)
  }
}

function* sectors(position: number, end: number): Iterable<readonly [from: number, to: number]> {
  for (let sector = Math.floor(position / SECTOR_BYTES) * SECTOR_BYTES; sector < end; sector += SECTOR_BYTES) {
    yield [Math.max(sector, position), Math.min(sector + SECTOR_BYTES, end)]
  }
}

function spoil(content: Content, sector: number, end: number, random: Random): void {
  const to = Math.min(sector + SECTOR_BYTES, Math.max(content.sizeBytes, end))
  const garbage = new Uint8Array(to - sector)
  random.fill(garbage)
  content.write(garbage, sector)
}
