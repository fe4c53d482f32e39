import { InvalidArgumentError } from 'commander'

/** A whole number from `from` on, for commander: anything else is a call to be mended. */
export function countFrom(from: number): (text: string) => number {
  return (text) => {
    const value = Number(text)
    if (/^\d+$/.test(text) && Number.isSafeInteger(value) && value >= from) return value
    throw new InvalidArgumentError(`It must be a whole number from ${from} on.`)
  }
}

/** `earliest`, `latest` or milliseconds since 1970. */
export function startPoint(text: string): 'earliest' | 'latest' | { timestamp: number } {
  if (text === 'earliest' || text === 'latest') return text
  const timestamp = /^\d+$/.test(text) ? Number(text) : Date.parse(text)
  if (Number.isSafeInteger(timestamp) && timestamp >= 0) return { timestamp }
  throw new InvalidArgumentError('It must be earliest, latest, milliseconds since 1970 or a date as 2026-11-26T09:00Z.')
}
