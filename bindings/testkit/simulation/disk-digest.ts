import { DirectoryNode, type DiskNode, type FileNode } from './content.ts'
import { Digest, digestOfBytes } from './digest.ts'

/** The same for two disks only if nothing that can happen tells them apart: content, durable content, what is pending. */
export function digestOfTree(root: DirectoryNode): string {
  const digest = new Digest()
  addDirectory(digest, root)
  return digest.name
}

function addDirectory(digest: Digest, node: DirectoryNode): void {
  addEntries(digest, node.visible)
  const isSynced = node.pending.length === 0 && node.visible.size === node.durable.size
  if (isSynced && [...node.visible].every(([name, entry]) => node.durable.get(name) === entry)) return
  digest.text('durable')
  addEntries(digest, node.durable)
  for (const { entries } of node.pending) {
    digest.add(entries.length)
    for (const [name, entry] of entries) addEntry(digest, name, entry)
  }
}

function addEntries(digest: Digest, entries: ReadonlyMap<string, DiskNode>): void {
  digest.add(entries.size)
  for (const name of [...entries.keys()].sort()) addEntry(digest, name, entries.get(name))
}

function addEntry(digest: Digest, name: string, node: DiskNode | undefined): void {
  digest.text(name)
  if (node instanceof DirectoryNode) addDirectory(digest, node)
  else if (node !== undefined) addFile(digest, node)
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
