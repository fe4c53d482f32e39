import { SharedBlocks } from '../../model/batch-memory.ts'

const encoder = new TextEncoder()
const blocks = new SharedBlocks()
/** UTF-8 takes up to three bytes for each unit of a text. */
const UNIT_BYTES_MAX = 3

/**
 * A text as UTF-8. Small ones share blocks: the memory that an encoder makes for each costs ten times as much as the
 * encoding. Hot path: most texts are ASCII, which the first attempt is for.
 */
export function encodeText(text: string): Uint8Array {
  const { length } = text
  if (length * UNIT_BYTES_MAX > blocks.largestBytes) return encoder.encode(text)
  const ascii = blocks.take(length)
  if (encoder.encodeInto(text, ascii).read === length) return ascii
  const whole = blocks.take(length * UNIT_BYTES_MAX)
  return blocks.shorten(whole, encoder.encodeInto(text, whole).written)
}
