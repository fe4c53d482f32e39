/** 64 bits; two things with the same ones count as the same. */
export type Words = readonly [first: number, second: number]

/** Two 32-bit hashes of all numbers that were added, with different factors. */
export class Digest {
  #first = 0x811c9dc5
  #second = 0x5bd1e995

  add(value: number): void {
    const first = Math.imul(this.#first ^ value, 0x01000193)
    this.#first = first ^ (first >>> 15)
    const second = Math.imul(this.#second ^ value, 0x9e3779b1)
    this.#second = second ^ (second >>> 13)
  }

  words([first, second]: Words): void {
    this.add(first)
    this.add(second)
  }

  text(text: string): void {
    for (let at = 0; at < text.length; at++) this.add(text.charCodeAt(at))
    this.add(-text.length)
  }

  bytes(bytes: Uint8Array): void {
    const words = bytes.length >>> 2
    const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
    for (let word = 0; word < words; word++) this.add(view.getInt32(word << 2, true))
    for (let at = words << 2; at < bytes.length; at++) this.add(bytes[at] ?? 0)
    this.add(-bytes.length)
  }

  get value(): Words {
    return [this.#first, this.#second]
  }

  get name(): string {
    return this.value.map((word) => (word >>> 0).toString(36)).join('.')
  }
}

export function digestOfBytes(bytes: Uint8Array): Words {
  const digest = new Digest()
  digest.bytes(bytes)
  return digest.value
}
