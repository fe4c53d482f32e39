// A process of its own that reads what is committed while all others are killed: at every instant each transaction that
// it sees anything of is whole.
import { LogError, type Position } from 'oncelog'
import { COPY_PARTITIONS, copies, openPatiently } from './totals.ts'

const [directory = ''] = process.argv.slice(2)
const log = await openPatiently(directory, [copies])
const seen = new Map<string, number>()
let from: Position[] = Array.from({ length: COPY_PARTITIONS }, (_, partition) => {
  return { topic: 'copies', partition, nextOffset: 0 }
})
let isLast = false
process.on('message', () => {
  isLast = true
})

for (let looks = 1; ; looks++) {
  const wasLast = isLast
  const sizes = new Map<string, number>()
  try {
    for await (const { partition, offset, value } of log.read(copies, { from, until: 'end' })) {
      from = from.with(partition, { topic: 'copies', partition, nextOffset: offset + 1 })
      if (value === null) continue
      seen.set(value.transaction, (seen.get(value.transaction) ?? 0) + 1)
      sizes.set(value.transaction, value.size)
    }
  } catch (error) {
    // The holder went away in between: what was read stays read, the rest of this look is looked at again.
    if (!LogError.is(error) || error.category !== 'retriable') throw error
    continue
  }
  const torn = [...sizes].find(([transaction, size]) => seen.get(transaction) !== size)
  const copied = [...seen.values()].reduce((sum, each) => sum + each, 0)
  process.send?.({ role: log.role, looks, copied, torn: torn?.[0] })
  if (wasLast) break
  // A look reads everything: without a pause it would take the processor from those it looks at.
  await new Promise((resume) => setTimeout(resume, 25))
}
await log.close()
process.disconnect?.()
