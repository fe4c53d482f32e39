import { LogError } from '../model/errors.ts'

/** The length is an int16 in Kafka's format. */
const GROUP_ID_BYTES_MAX = 0x7fff

const encoder = new TextEncoder()
const decoder = new TextDecoder('utf-8', { ignoreBOM: true })

/**
 * INVALID_GROUP_ID. Text with half a surrogate pair would come back as other text, and two groups would share their
 * offsets.
 */
export function assertGroupId(groupId: string): void {
  if (typeof groupId === 'string' && groupId !== '') {
    const bytes = encoder.encode(groupId)
    if (bytes.length <= GROUP_ID_BYTES_MAX && decoder.decode(bytes) === groupId) return
  }
  throw new LogError('INVALID_GROUP_ID', `a group id is well-formed text of 1 to ${GROUP_ID_BYTES_MAX} bytes`)
}
