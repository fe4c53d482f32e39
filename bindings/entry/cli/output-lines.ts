const BLOCK_CHARS = 64 * 1024

/**
 * Lines on standard output, written in blocks. A reader that closes the output (`| head`) is no error: `isBroken` tells
 * it.
 */
export class OutputLines {
  #text = ''
  #isBroken = false

  get isBroken(): boolean {
    return this.#isBroken
  }

  /** Returns a promise when the block is full. Await it, so that a slow reader slows down the log. */
  write(line: string): Promise<void> | undefined {
    this.#text += `${line}\n`
    return this.#text.length < BLOCK_CHARS ? undefined : this.flush()
  }

  /** Resolves when the system has taken everything, or the reader has closed the output. */
  async flush(): Promise<void> {
    const text = this.#text
    this.#text = ''
    if (text === '' || this.#isBroken) return
    await new Promise<void>((resolve) => {
      process.stdout.write(text, (error) => {
        if (error !== undefined && error !== null) this.#isBroken = true
        resolve()
      })
    })
  }
}
