import type { Bytes } from './target.ts'

/** Bytes read as a program: what to do next and with which numbers. Behind its end come zeros. */
export class Program {
  readonly #bytes: Bytes
  #at = 0

  constructor(bytes: Bytes) {
    this.#bytes = bytes
  }

  get isOver(): boolean {
    return this.#at >= this.#bytes.length
  }

  byte(): number {
    return this.#bytes[this.#at++] ?? 0
  }

  below(limit: number): number {
    return limit <= 256 ? this.byte() % limit : (this.byte() * 256 + this.byte()) % limit
  }

  pick<T>(values: readonly T[]): T {
    return values[this.below(values.length)] as T
  }

  /** Whatever a number may be: edges, and 64 bits of any kind. */
  wild(): number {
    const kind = this.byte()
    if (kind < 128) return WILD[kind % WILD.length] as number
    const view = new DataView(new ArrayBuffer(8))
    for (let at = 0; at < 8; at++) view.setUint8(at, this.byte())
    if (kind < 192) return view.getInt32(0)
    return kind < 224 ? view.getUint32(0) : view.getFloat64(0)
  }
}

const WILD: readonly number[] = [
  ...[0, 1, -1, 7, 60, 61, 62, 511, 512, 513, 4096, 65_535, 65_536, 65_537, 1_000_000],
  ...[2 ** 31 - 1, 2 ** 31, -(2 ** 31), 2 ** 32 - 1, 2 ** 32, 2 ** 32 - 64, 2 ** 53 - 1, 2 ** 53, -(2 ** 53), 2 ** 63],
  ...[Number.NaN, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY, 0.5, -0.5, -0],
]

/** Programs to begin with: nothing but chance. */
export function programs(count: number, sizeBytes: number): readonly Bytes[] {
  return Array.from({ length: count }, (_, number) => {
    let state = number * 2_654_435_761 + 12_345
    return new Uint8Array(sizeBytes).map(() => {
      state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0
      return state >>> 24
    })
  })
}
