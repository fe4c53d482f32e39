import type { ConsumerRecord } from '../node.ts'
import { printable } from './output.ts'

/** partition:offset, key and value, separated by tabs. */
export function lineOf({ partition, offset, key, value }: ConsumerRecord): string {
  const columns = [
    `${partition}:${offset}`,
    key === null ? '' : printable(textOf(key)),
    value === null ? '(null)' : printable(textOf(value)),
  ]
  return columns.join('\t')
}

export function jsonOf({ topic, partition, offset, timestamp, key, value, headers }: ConsumerRecord): string {
  const pairs = [...headers].map(([name, bytes]) => [name, jsonBytes(bytes)])
  const record = { topic, partition, offset, timestamp, key: jsonBytes(key), value: jsonBytes(value) }
  return JSON.stringify(pairs.length === 0 ? record : { ...record, headers: pairs })
}

const decoder = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true })

/** Bytes that aren't UTF-8 as base64. */
export function jsonBytes(bytes: Uint8Array | null): unknown {
  if (bytes === null) return null
  try {
    return decoder.decode(bytes)
  } catch {
    return { base64: Buffer.from(bytes).toString('base64') }
  }
}

/** Bytes that aren't UTF-8 are shown as escapes. */
function textOf(bytes: Uint8Array): string {
  try {
    return decoder.decode(bytes)
  } catch {
    return Buffer.from(bytes)
      .toString('latin1')
      .replace(/[\x80-\xff]/g, (char) => `\\x${char.charCodeAt(0).toString(16)}`)
  }
}
