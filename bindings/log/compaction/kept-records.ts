/** The records that stay, as ranges of bytes: start and end of each, flat in one list. */
export class KeptRecords {
  readonly runs: number[] = []
  count = 0
  hasTombstone = false
  maxTimestamp = -1

  add(start: number, end: number): void {
    if (this.runs.at(-1) === start) this.runs[this.runs.length - 1] = end
    else this.runs.push(start, end)
  }
}
