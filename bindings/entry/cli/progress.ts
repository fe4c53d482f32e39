import { SingleBar } from 'cli-progress'

export interface Progress {
  update(done: number, total?: number): void
  stop(): void
}

/** What ends sooner needs no bar, which would only flash up. */
const QUIET_MS = 250
const BAR_CHARS = { least: 10, most: 32 }
/** What stands beside the bar. */
const TEXT_CHARS = 44
/** Samples of a second or two: a steadier guess of what is left than the usual ten. */
const ETA_SAMPLES = 200

/** A bar on a terminal, on standard error so that output can be piped; nothing elsewhere. `bytes` are told in kB and above. */
export function progressBar(label: string, total: number, unit: string): Progress {
  const { isTTY, columns = 80 } = process.stderr
  if (isTTY !== true || process.env['TERM'] === 'dumb' || total <= 0) return { update() {}, stop() {} }
  const bar = new SingleBar({
    format: `${label} {bar} {percentage}% of {total}{eta_formatted}`,
    stream: process.stderr,
    clearOnComplete: true,
    // However the program ends, the terminal is as it was: nothing is switched off that would have to be switched on again.
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

/** cli-progress says 'NULL' and 'INF' as long as it can't tell. */
function timeLeft(seconds: number): string {
  if (!Number.isFinite(Number(seconds))) return ''
  const minutes = Math.floor(seconds / 60)
  if (minutes === 0) return `, ${seconds} s left`
  return minutes < 60 ? `, ${minutes} min left` : `, ${Math.floor(minutes / 60)} h ${minutes % 60} min left`
}
