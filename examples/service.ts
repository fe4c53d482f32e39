// A service on plain Node 20, and its test: the same code over a directory and in memory.
//
//   node --import tsx examples/service.ts [directory]
import { type Log, open, openMemory, string, topic } from 'oncelog'

const greetings = topic('greetings', { value: string })

async function greet(log: Log, name: string): Promise<number> {
  const { offset } = await log.producer().send(greetings.record({ value: `hello ${name}` }))
  return offset
}

// In a test: nothing to clean up, nothing on the disk.
const memory = await openMemory({ topics: [greetings] })
try {
  if ((await greet(memory, 'test')) !== 0) throw new Error('expected the first record')
  console.log('tested in memory')
} finally {
  await memory.close()
}

// In the service: refuse a place that would not survive a power cut, and say what opening found.
const log = await open(process.argv[2] ?? './data', { topics: [greetings], requireDurability: 'stable' })
try {
  const { clean, damage } = log.recovery
  console.log(`opened, ${clean ? 'closed properly before' : 'recovered'}, ${damage.length} damages`)
  console.log(`greeting ${await greet(log, 'world')} is on stable storage`)
} finally {
  await log.close()
}
