import type { Kernel } from '../../kernel/kernel.ts'

/**
 * Bytes at the beginning of a batch that its own CRC leaves out: baseOffset, length, leader epoch, magic and the CRC
 * itself.
 */
export const UNCHECKED_BYTES = 21

/** The checksum of a segment without batches. */
export const NO_BATCHES = 0

const CHAINED_BYTES = 4
const piece = new Uint8Array(CHAINED_BYTES + UNCHECKED_BYTES)
const pieceView = new DataView(piece.buffer)

/**
 * One step of the running checksum over the unchecked bytes of a segment's batches, in order (durability rule 4c). The
 * checksum so far goes in as four bytes before the batch's own: different inputs of one length that differ within 32
 * bits have different CRC-32Cs, so damage that changes one step still shows after any number of later ones.
 */
export function chainHeader(kernel: Pick<Kernel, 'crc32cOf'>, checksum: number, batch: Uint8Array): number {
  pieceView.setUint32(0, checksum)
  for (let at = 0; at < UNCHECKED_BYTES; at++) piece[CHAINED_BYTES + at] = batch[at] as number
  return kernel.crc32cOf(piece)
}
