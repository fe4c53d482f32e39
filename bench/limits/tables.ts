// What a table keeps in memory for each key, beyond the bytes of key and value: it has all of them at once.
//   node --expose-gc --import tsx bench/limits/tables.ts [keys]
import { bytes, openMemory, string, topic } from '../../bindings/entry/node.ts'
import { numberArgument } from '../harness/number-argument.ts'

const keys = numberArgument(1, 200_000)
const KEY_BYTES = 12
const VALUES_BYTES = [20, 100, 1000] as const
const AT_ONCE = 1000
/** Most that a key may take beyond its own bytes and those of its value. */
const BEYOND_MAX_BYTES = 500
const collect = (globalThis as { gc?: () => void }).gc

function usedBytes(): number {
  collect?.()
  const { heapUsed, arrayBuffers } = process.memoryUsage()
  return heapUsed + arrayBuffers
}

async function beyondBytes(valueBytes: number): Promise<number> {
  const values = topic('values', { key: string, value: bytes, partitions: 4, config: { 'cleanup.policy': 'compact' } })
  const log = await openMemory({ topics: [values] })
  const producer = log.producer()
  for (let from = 0; from < keys; from += AT_ONCE) {
    await producer.send(
      Array.from({ length: AT_ONCE }, (_, index) => {
        const key = `${from + index}`.padStart(KEY_BYTES, '0')
        return values.record({ key, value: new Uint8Array(valueBytes) })
      }),
    )
  }
  const before = usedBytes()
  const table = await log.table(values)
  const took = (usedBytes() - before) / keys
  await table.close()
  await log.close()
  return Math.round(took - KEY_BYTES - valueBytes)
}

let isWithin = true
for (const valueBytes of VALUES_BYTES) {
  const beyond = await beyondBytes(valueBytes)
  isWithin &&= beyond <= BEYOND_MAX_BYTES
  console.log(`${keys} keys of ${KEY_BYTES} B with values of ${valueBytes} B: ${beyond} B a key beyond these bytes`)
}
console.log(`at most ${BEYOND_MAX_BYTES} B: ${isWithin ? 'within' : 'NOT within'}`)
if (!isWithin) process.exitCode = 1
