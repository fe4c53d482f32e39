import * as assert from 'uvu/assert'
import type { TableRecord, TableRecordPlace } from '../../../bindings/log/catalogue/table-record.ts'
import type { ErrorCode } from '../../../bindings/model/error-table.ts'
import { LogError } from '../../../bindings/model/errors.ts'

export const place: TableRecordPlace = { topic: '__some_topic', partition: 0, offset: 7 }

export function topicId(number: number): string {
  return Buffer.from(`test topic id${String(number).padStart(3, '0')}`).toString('base64url')
}

export function codeOf(run: () => unknown): string | undefined {
  try {
    run()
    return undefined
  } catch (error) {
    if (LogError.is(error)) return error.code
    throw error
  }
}

export function refuses(code: ErrorCode, run: () => unknown): void {
  assert.is(codeOf(run), code)
}

/** Every prefix and every single flipped bit of a record's parts. */
export function* mutilations(record: TableRecord): Generator<TableRecord> {
  for (const part of ['key', 'value'] as const) {
    const bytes = record[part]
    if (bytes === null) continue
    for (let length = 0; length < bytes.length; length++) yield { ...record, [part]: bytes.slice(0, length) }
    yield { ...record, [part]: Uint8Array.of(...bytes, 0) }
    yield { ...record, [part]: null }
    for (let bit = 0; bit < 8 * bytes.length; bit++) {
      const flipped = bytes.slice()
      flipped[bit >> 3]! ^= 1 << (bit & 7)
      yield { ...record, [part]: flipped }
    }
  }
}
