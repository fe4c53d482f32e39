import { Digest, digestOfBytes } from './digest.ts'
import { DirectoryNode, type DiskNode, type Entry, FileNode } from './disk-nodes.ts'

/**
 * Equal for two disks only if nothing that can happen tells them apart: content, durable content, what is pending. Of
 * files that only take up room, the room counts only `withSpace`: on a disk that doesn't get full nobody can tell how
 * much there is.
 */
export function digestOfTree(root: DirectoryNode, withSpace: boolean): string {
  const digest = new Digest()
  addDirectory(digest, root, (node) => withSpace || !(node instanceof FileNode && node.isSpace))
  return digest.name
}

type Counts = (node: DiskNode | undefined) => boolean

function addDirectory(digest: Digest, node: DirectoryNode, counts: Counts): void {
  const visible = counted(node.visible, counts)
  const durable = counted(node.durable, counts)
  const pending = node.pending.map(({ entries }) => entries.filter(([, entry]) => counts(entry)))
  const changes = pending.filter((entries) => entries.length > 0)
  addEntries(digest, visible, counts)
  const isSynced = changes.length === 0 && visible.length === durable.length
  if (isSynced && visible.every(([name, entry]) => node.durable.get(name) === entry)) return
  digest.text('durable')
  addEntries(digest, durable, counts)
  for (const entries of changes) addEntries(digest, entries, counts)
}

function counted(entries: ReadonlyMap<string, DiskNode>, counts: Counts): Entry[] {
  return [...entries].filter(([, node]) => counts(node)).sort(([a], [b]) => (a < b ? -1 : 1))
}

function addEntries(digest: Digest, entries: readonly Entry[], counts: Counts): void {
  digest.add(entries.length)
  for (const [name, node] of entries) {
    digest.text(name)
    if (node instanceof DirectoryNode) addDirectory(digest, node, counts)
    else if (node !== undefined) addFile(digest, node)
  }
}

function addFile(digest: Digest, { visible, durable, pending, hasDropped }: FileNode): void {
  digest.words(visible.digest())
  digest.words(durable.digest())
  digest.add(hasDropped ? 1 : 0)
  for (const change of pending) {
    if (change.kind === 'truncate') digest.add(-1 - change.sizeBytes)
    else {
      change.digest ??= digestOfBytes(change.bytes)
      digest.add(change.position)
      digest.words(change.digest)
    }
  }
}
