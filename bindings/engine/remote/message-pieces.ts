import { allocate } from '../../model/allocate.ts'

/** The bytes of one message, in pieces: large content needn't be copied to follow its head. */
export type MessagePieces = readonly Uint8Array[]

export function messageBytes(pieces: MessagePieces): number {
  return pieces.reduce((sum, { length }) => sum + length, 0)
}

/** The message in one piece; not copied if it is in one already. */
export function joinPieces(pieces: MessagePieces): Uint8Array<ArrayBuffer> {
  const [first] = pieces
  if (pieces.length === 1 && first !== undefined) return first as Uint8Array<ArrayBuffer>
  const joined = allocate(messageBytes(pieces))
  let at = 0
  for (const piece of pieces) {
    joined.set(piece, at)
    at += piece.length
  }
  return joined
}
