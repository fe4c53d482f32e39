// The directory of one partition is moved away or removed under an open log. Once, what was written next made it again:
// an empty one with index files alone stood where the records had been.
import { existsSync, readdirSync, renameSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { type EmbeddedLog, LogError, open } from '../../bindings/entry/node.ts'
import { createDirectoryStore } from '../../bindings/storage/drivers/node-fs.ts'
import { scratchDirectory } from '../scratch.ts'

const scratch = scratchDirectory('partition-lost')
test.after(() => rmSync(scratch, { recursive: true }))

const AWAY = join(scratch, 'away')

async function begun(name: string, config = {}): Promise<{ readonly log: EmbeddedLog; readonly root: string }> {
  const root = join(scratch, name)
  const log = await open(root)
  await log.admin.createTopic('t', { partitions: 2, config })
  for (const partition of [0, 1]) await log.producer().send({ topic: 't', partition, value: `of ${partition}` })
  return { log, root }
}

async function refusal(call: Promise<unknown>): Promise<LogError | undefined> {
  try {
    await call
    return undefined
  } catch (error) {
    if (!LogError.is(error)) throw error
    return error
  }
}

async function valuesOf(log: EmbeddedLog): Promise<readonly string[]> {
  const values: string[] = []
  for await (const { value } of log.read('t', { until: 'end' })) values.push(Buffer.from(value ?? []).toString())
  return values.sort()
}

test('the close tells of it and makes nothing in its place; put back, it has all that was acknowledged', async () => {
  const { log, root } = await begun('close')
  renameSync(join(root, 't-0'), AWAY)
  const error = await refusal(log.close())
  assert.is(error?.code, 'KAFKA_STORAGE_ERROR')
  assert.match(error?.message ?? '', /^t-0 in .* was removed or moved while a log had it open/)
  assert.equal([error?.details['file'], error?.details['directory']], ['t-0', root])
  assert.not(existsSync(join(root, 't-0')))
  renameSync(AWAY, join(root, 't-0'))
  const again = await open(root)
  assert.equal(again.recovery.damage, [])
  assert.equal(await valuesOf(again), ['of 0', 'of 1'])
  await again.close()
})

test('no later segment makes it again either: all that was acknowledged lies where it lies now', async () => {
  const { log, root } = await begun('roll', { 'segment.bytes': 4000 })
  renameSync(join(root, 't-0'), AWAY)
  const sent: string[] = []
  for (let index = 0; index < 40; index++) {
    const value = `${index}`.padStart(400)
    if ((await refusal(log.producer().send({ topic: 't', partition: 0, value }))) !== undefined) break
    sent.push(value)
  }
  assert.ok(sent.length > 0 && sent.length < 40, `${sent.length}`)
  await refusal(log.close())
  assert.not(existsSync(join(root, 't-0')))
  renameSync(AWAY, join(root, 't-0'))
  const again = await open(root)
  assert.equal(again.recovery.damage, [])
  const found = await valuesOf(again)
  assert.equal(
    sent.filter((value) => !found.includes(value)),
    [],
  )
  await again.close()
})

test('what the log itself removes may be made again; a directory of checkpoints too, which the next one makes whole', async () => {
  const { log, root } = await begun('own')
  await log.admin.deleteTopic('t')
  await log.admin.createTopic('t', { partitions: 2 })
  await log.producer().send({ topic: 't', partition: 0, value: 'second' })
  rmSync(join(root, 'checkpoint'), { recursive: true })
  await log.close()
  assert.ok(readdirSync(join(root, 'checkpoint')).length > 0)
  const again = await open(root)
  assert.ok(again.recovery.clean)
  assert.equal(await valuesOf(again), ['second'])
  await again.close()
})

test('a store without the lock makes what is missing, whoever removed it', async () => {
  const root = join(scratch, 'unlocked')
  const store = createDirectoryStore(root)
  for (let round = 0; round < 2; round++) {
    const file = await store.open('a/b', { create: true })
    file?.close()
    rmSync(join(root, 'a'), { recursive: true })
  }
  await store.close()
})

test.run()
