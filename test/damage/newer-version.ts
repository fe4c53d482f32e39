import { newKernel } from '../kernel/support.ts'

const HEADER_BYTES = 52
const HEADER_COPIES = [0, 512, 4096, 4608]
const kernel = newKernel()

/**
 * The file as a version of its format has it that there isn't yet, whole otherwise; `undefined` for a file without one.
 */
export function asNewerVersion(path: string, bytes: Uint8Array): Uint8Array | undefined {
  const newer = bytes.slice()
  const view = new DataView(newer.buffer)
  const [, name = ''] = path.split('/')
  const ending = name.split('.').at(-1) ?? ''
  if (newer.length === 0) return undefined
  if (path === 'journal/header') {
    for (const at of HEADER_COPIES) {
      view.setUint16(at + 4, view.getUint16(at + 4) + 1)
      view.setUint32(at + HEADER_BYTES - 4, kernel.crc32cOf(newer.subarray(at, at + HEADER_BYTES - 4)))
    }
  } else if (path.startsWith('checkpoint/')) {
    const version = view.getUint32(4)
    view.setUint32(4, version + 1)
    view.setUint32(12, view.getUint32(12) ^ version ^ (version + 1))
  } else if (name === 'partition.metadata') {
    newer[newer.indexOf(0x30)] = 0x31
  } else if (name === 'leader-epoch-checkpoint') {
    newer[0] = 0x31
  } else if (ending === 'snapshot' || ending === 'txnindex') {
    view.setInt16(0, view.getInt16(0) + 1)
  } else if (ending === 'log') {
    view.setInt8(16, 3)
  } else {
    return undefined
  }
  return newer
}
