// Run by check.ts on plain Node, beside the unpacked package.
import { readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'

const kernel = new WebAssembly.Module(readFileSync(fileURLToPath(import.meta.resolve('oncelog/kernel.wasm'))))
process.stdout.write(`kernel exports ${WebAssembly.Module.exports(kernel).length} names\n`)
const { openMemory } = await import('oncelog')

// What `console.log` shows of an object begins with its class.
const log = await openMemory()
await log.admin.createTopic('t')
await log.producer().send({ topic: 't', value: 'v' })
for await (const batch of log.read('t', { until: 'end' }).batches()) {
  if (batch.constructor.name !== 'DeliveredBatch') throw new Error(`a batch is a ${batch.constructor.name}`)
}
await log.close()
