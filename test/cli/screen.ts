/**
 * What a terminal shows after these bytes: enough of one for a line that is drawn over. Throws at what it doesn't know.
 */
export class Screen {
  readonly #lines: string[][] = [[]]
  #row = 0
  #column = 0
  #saved: readonly [row: number, column: number] = [0, 0]
  /** Every text that was drawn from the first column, in order. */
  readonly drawn: string[] = []

  constructor(text: string) {
    const tokens = text.replaceAll('\x1b', '␛').match(/␛\[[?\d;]*[a-zA-Z]|␛[78]|[\r\n]|[^␛\r\n]+/g) ?? []
    for (const token of tokens) this.#take(token)
  }

  /** Without what is empty at the end. */
  get lines(): string[] {
    return this.#lines
      .map((line) => line.join('').trimEnd())
      .filter((line, row, all) => line !== '' || row < all.length - 1)
  }

  #take(token: string): void {
    if (token === '\r') this.#column = 0
    else if (token === '\n') this.#row++
    else if (token === '␛7') this.#saved = [this.#row, this.#column]
    else if (token === '␛8') [this.#row, this.#column] = this.#saved
    else if (token === '␛[1G') this.#column = 0
    else if (token === '␛[0K') this.#line.length = this.#column
    else if (token === '␛[2K') this.#line.length = 0
    else if (token.startsWith('␛')) throw new Error(`unknown order to the terminal: ${JSON.stringify(token)}`)
    else this.#write(token)
  }

  get #line(): string[] {
    while (this.#lines.length <= this.#row) this.#lines.push([])
    return this.#lines[this.#row] as string[]
  }

  #write(text: string): void {
    const line = this.#line
    while (line.length < this.#column) line.push(' ')
    for (const char of text) line[this.#column++] = char
    if (this.#column === text.length) this.drawn.push(text)
  }
}
