import { closeSync, openSync, readSync, writeSync } from 'node:fs'

/** What a victim tells of itself, in the order in which it happened. */
export type Told =
  /** It had the answer to a send; or a consumer showed it the record. */
  | {
      readonly at: string
      readonly partition: number
      readonly offset: number
      readonly value: string
      readonly how: Proof
    }
  /** A transaction of one record in each partition of `both` is committed. */
  | { readonly transaction: string }
  /** The group of readers is durably there. */
  | { readonly committed: number; readonly partition: number }
  /** The newest record of a key in the compacted topic. */
  | { readonly key: string; readonly value: string }
  /** A send was refused: it may be there or not. */
  | { readonly unsent: string; readonly partition: number; readonly value: string }
  /** A call was refused, as it may be. */
  | { readonly refused: string }
  /** The log ended by this error. */
  | { readonly ended: string }
  /** The ballast was thrown out for want of room. */
  | { readonly freed: true }

/** What is to survive with it: the process, the machine's power. `seen`: some reader has it. */
export type Proof = 'process' | 'power' | 'seen'

/** A file of lines outside of what is attacked: each is the operating system's before anything else happens. */
export class LedgerWriter {
  readonly #file: number

  constructor(path: string) {
    this.#file = openSync(path, 'a')
  }

  tell(told: Told): void {
    writeSync(this.#file, `${JSON.stringify(told)}\n`)
  }
}

const CHUNK_BYTES = 1 << 20

/** Reads what came since the last time. */
export class LedgerReader {
  readonly #file: number
  readonly #chunk = Buffer.alloc(CHUNK_BYTES)
  #rest = ''

  constructor(path: string) {
    this.#file = openSync(path, 'a+')
  }

  *take(): Generator<Told> {
    for (;;) {
      const count = readSync(this.#file, this.#chunk, 0, CHUNK_BYTES, null)
      if (count === 0) return
      const lines = (this.#rest + this.#chunk.toString('latin1', 0, count)).split('\n')
      // The last one may have been torn by the kill.
      this.#rest = lines.pop() ?? ''
      for (const line of lines) yield JSON.parse(line) as Told
    }
  }

  close(): void {
    closeSync(this.#file)
  }
}
