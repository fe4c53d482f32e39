import { LogError } from '../../model/errors.ts'
import type { Codec } from './codec.ts'

/** What was stored, and where, as far as that is known. */
interface Stored {
  readonly topic: string
  readonly partition?: number
  readonly part: 'key' | 'value'
}

/**
 * What the codec makes of stored bytes. RECORD_DESERIALIZATION with the place where it refuses them; SCHEMA_ASYNC as it
 * is, since no stored byte is to blame.
 */
export function decoded<D>(codec: Pick<Codec<never, D>, 'decode'>, bytes: Uint8Array, stored: Stored): D {
  try {
    return codec.decode(bytes)
  } catch (error) {
    if (LogError.is(error, 'SCHEMA_ASYNC')) throw error
    const { topic, part } = stored
    const why = LogError.is(error) ? `: ${error.message}` : ''
    throw new LogError('RECORD_DESERIALIZATION', `a ${part} of "${topic}" can't be decoded${why}`, { ...stored }, error)
  }
}
