const BLOCK_CHARS = 64 * 1024

/** Lines on standard output, handed on in blocks. A reader that has gone (`| head`) is no error: `isBroken` says so. */
export class Lines {
  #text = ''
  #isBroken = false

  get isBroken(): boolean {
    return this.#isBroken
  }

  /** Answers a promise when the block is full: wait for it, so that a slow reader slows the log down. */
  write(line: string): Promise<void> | undefined {
    this.#text += `${line}\n`
    return this.#text.length < BLOCK_CHARS ? undefined : this.flush()
  }

  /** Resolves when the system has taken everything, or the reader has gone. */
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
