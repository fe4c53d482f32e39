import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { DirectoryNode } from '../../bindings/testkit/simulation/disk-nodes.ts'
import type { VirtualDisk } from '../../bindings/testkit/simulation/virtual-disk.ts'

/** The disk's files in a real directory, whose path comes back. */
export function placeDisk({ root }: VirtualDisk, path: string): string {
  place(root, path)
  return path
}

function place(directory: DirectoryNode, path: string): void {
  mkdirSync(path, { recursive: true })
  for (const [entry, node] of directory.visible) {
    const inner = join(path, entry)
    if (node instanceof DirectoryNode) place(node, inner)
    else {
      const bytes = new Uint8Array(node.visible.sizeBytes)
      node.visible.read(bytes, 0)
      writeFileSync(inner, bytes)
    }
  }
}
