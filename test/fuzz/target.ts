export type Bytes = Uint8Array<ArrayBuffer>

/** Something that takes bytes from outside, and whole bytes of its kind. */
export interface FuzzTarget {
  readonly name: string
  /** Of a thousand cases so many: the dearer a case, the fewer. */
  readonly share: number
  readonly whole: readonly Bytes[]
  /** Makes the checksums right again, in half of the cases: what they guard is met too. */
  readonly reseal?: ((bytes: Bytes) => void) | undefined
  /**
   * Takes them, or refuses them with a LogError that has its place or with `Refused`. What it takes it holds against a
   * reading of its own and throws `Wrong` where they differ.
   */
  take(bytes: Bytes): void | Promise<void>
  /** Of one that keeps something from case to case: begins anew. */
  renew?(): Promise<void>
  /** Lets go of what it has. */
  end?(): Promise<void>
}

/** A fault that is no error yet, or one whose maker gives it a place. */
export class Refused extends Error {}

/** What must not be. */
export class Wrong extends Error {}

export function expect(holds: boolean, what: () => string): void {
  if (!holds) throw new Wrong(what())
}

/** Where no refusal has a reason, a LogError is wrong too. */
export function asWrong(error: unknown): Wrong {
  return error instanceof Wrong
    ? error
    : new Wrong(error instanceof Error ? (error.stack ?? error.message) : String(error))
}

export function sameBytes(one: Uint8Array, other: Uint8Array, what: string): void {
  if (Buffer.compare(one, other) === 0) return
  throw new Wrong(`${what}: ${toHex(one)} is not ${toHex(other)}`)
}

export function sameJson(one: unknown, other: unknown, what: string): void {
  const [left, right] = [JSON.stringify(one), JSON.stringify(other)]
  if (left !== right) throw new Wrong(`${what}: ${left} is not ${right}`)
}

export function toHex(bytes: Uint8Array): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('hex')
}

export function copyOf(bytes: Uint8Array): Bytes {
  return new Uint8Array(bytes)
}

export function viewOf(bytes: Uint8Array): DataView {
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
}
