import type { StoreFile } from '../../bindings/storage/file-store.ts'

/** Mistakes that the toy log can be told to make; each loses or doubles something in some crash. */
export const TOY_FAULTS = [
  'ack-before-flush',
  'no-directory-sync',
  'checkpoint-before-sync',
  'crc-ignored',
  'roll-without-flush',
  'sector-rewritten',
  'trusts-what-it-reads',
  'stale-tail',
  'ceiling-ignored',
  'id-given-twice',
  'duplicate-too-early',
  'window-forgotten',
  'dead-topic-replayed',
  'committed-survives-topic',
  'commit-before-flush',
] as const

export type ToyFault = (typeof TOY_FAULTS)[number]

export type Entry =
  | { readonly kind: 'topic'; readonly topicId: string; readonly topic: string; readonly partitions: number }
  | { readonly kind: 'drop'; readonly topicId: string }
  | {
      readonly kind: 'data'
      readonly topicId: string
      readonly partition: number
      readonly baseOffset: number
      readonly values: readonly string[]
      readonly producerId: number
      readonly baseSequence: number
    }
  | {
      readonly kind: 'commit'
      readonly group: string
      readonly topicId: string
      readonly partition: number
      readonly nextOffset: number
    }
  | { readonly kind: 'ceiling'; readonly topicId: string; readonly partition: number; readonly ceiling: number }
  | { readonly kind: 'ids'; readonly end: number }
  | { readonly kind: 'start'; readonly topicId: string; readonly partition: number; readonly before: number }

const MAGIC = 0x544f5921
const HEAD_BYTES = 20

/**
 * Magic, checksum, sequence, length, length of the JSON; then the JSON, then the values' bytes as they are. Damage in
 * them looks like any other value: only the checksum tells.
 */
export function frameOf(sequence: number, entry: Entry | object): Uint8Array {
  const values = 'values' in entry ? (entry.values as readonly string[]) : []
  const head = new TextEncoder().encode(JSON.stringify({ ...entry, values: undefined }))
  const body = new TextEncoder().encode(values.join('\n'))
  const bytes = new Uint8Array(HEAD_BYTES + head.length + body.length)
  const view = new DataView(bytes.buffer)
  view.setUint32(0, MAGIC)
  view.setUint32(8, sequence)
  view.setUint32(12, head.length + body.length)
  view.setUint32(16, head.length)
  bytes.set(head, HEAD_BYTES)
  bytes.set(body, HEAD_BYTES + head.length)
  view.setUint32(4, checksum(bytes))
  return bytes
}

export function readFrame(
  file: StoreFile,
  position: number,
  isTrusting: boolean,
): { entry: Entry; sequence: number; lengthBytes: number } | undefined {
  const head = new Uint8Array(HEAD_BYTES)
  if (file.read(head, position) < HEAD_BYTES) return undefined
  const view = new DataView(head.buffer)
  const lengthBytes = HEAD_BYTES + view.getUint32(12)
  if (view.getUint32(0) !== MAGIC || position + lengthBytes > file.size()) return undefined
  const bytes = new Uint8Array(lengthBytes)
  file.read(bytes, position)
  if (!isTrusting && checksum(bytes) !== view.getUint32(4)) return undefined
  const bodyAt = HEAD_BYTES + view.getUint32(16)
  const decoder = new TextDecoder()
  try {
    const entry = JSON.parse(decoder.decode(bytes.subarray(HEAD_BYTES, bodyAt))) as Entry
    const values = entry.kind === 'data' ? { values: decoder.decode(bytes.subarray(bodyAt)).split('\n') } : {}
    return { entry: { ...entry, ...values } as Entry, sequence: view.getUint32(8), lengthBytes }
  } catch {
    return undefined
  }
}

/** FNV-1a over everything but the checksum itself, mixed at the end. */
function checksum(bytes: Uint8Array): number {
  let hash = 0x811c9dc5
  for (let at = 8; at < bytes.length; at++) hash = Math.imul(hash ^ (bytes[at] ?? 0), 0x01000193)
  return (hash ^ (hash >>> 15)) >>> 0
}
