import { SingleBar } from 'cli-progress'

export interface Progress {
  update(done: number, total?: number): void
  stop(): void
}

/** No bar before this time: it would only flash. */
const QUIET_MS = 250
const BAR_CHARS = { least: 10, most: 32 }
/** Width of the text beside the bar. */
const TEXT_CHARS = 44
/** As many samples as come in a second or two: the usual ten make the estimate jump. */
const ETA_SAMPLES = 200

/**
 * A progress bar on standard error, if that is a terminal, so that output can be piped. `bytes` are shown in kB and
 * above.
 */
export function progressBar(label: string, total: number, unit: string): Progress {
  const { isTTY, columns = 80 } = process.stderr
  if (isTTY !== true || process.env['TERM'] === 'dumb' || total <= 0) return { update() {}, stop() {} }
  const bar = new SingleBar({
    format: `${label} {bar} {percentage}% of {total}{eta_formatted}`,
    stream: process.stderr,
    clearOnComplete: true,
    // The cursor stays visible and lines still wrap: nothing has to be restored, however the program ends.
    hideCursor: false,
    linewrap: true,
    barsize: Math.max(BAR_CHARS.least, Math.min(BAR_CHARS.most, columns - TEXT_CHARS)),
    etaBuffer: ETA_SAMPLES,
    formatValue: (value, _, type) => (type === 'total' ? amount(value, unit) : `${value}`),
    formatTime: timeLeft,
  })
  const begun = performance.now()
  let isShown = false
  let all = total
  return {
    update(done, ofTotal = all) {
      if (!isShown && performance.now() - begun < QUIET_MS) return
      if (!isShown) bar.start(ofTotal, done)
      else if (ofTotal !== all) bar.setTotal(ofTotal)
      isShown = true
      all = ofTotal
      bar.update(done)
    },
    stop: () => bar.stop(),
  }
}

const UNITS = ['bytes', 'kB', 'MB', 'GB', 'TB'] as const

function amount(count: number, unit: string): string {
  if (unit !== 'bytes') return `${count} ${count === 1 ? unit.slice(0, -1) : unit}`
  const power = Math.min(UNITS.length - 1, Math.floor(Math.log10(Math.max(1, count)) / 3))
  return `${power === 0 ? count : (count / 1000 ** power).toFixed(1)} ${UNITS[power]}`
}

/** cli-progress gives 'NULL' or 'INF' as long as it has no estimate. */
function timeLeft(seconds: number): string {
  if (!Number.isFinite(Number(seconds))) return ''
  const minutes = Math.floor(seconds / 60)
  if (minutes === 0) return `, ${seconds} s left`
  return minutes < 60 ? `, ${minutes} min left` : `, ${Math.floor(minutes / 60)} h ${minutes % 60} min left`
}
