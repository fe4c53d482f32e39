// A holder that is stopped and not gone keeps its lock.
import { fork } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { LogError, open } from '../../bindings/entry/node.ts'
import { LOADER } from '../runner/loader.ts'

const worker = fileURLToPath(new URL('fixtures/worker.ts', import.meta.url))

test('a holder that is stopped keeps its place, and who comes is told its name', async () => {
  const directory = await mkdtemp(join(tmpdir(), 'oncelog-stopped-'))
  const first = await open(directory)
  await first.admin.createTopic('t')
  await first.close()
  const holder = fork(worker, [directory, 'w'], { execArgv: [...LOADER] })
  const gone = once(holder, 'exit')
  try {
    await once(holder, 'message')
    const before = await open(directory)
    const producer = before.producer({ transactionalId: 'id' })
    const transaction = await producer.beginTransaction()
    await transaction.send({ topic: 't', value: 'x' })
    await transaction.commit()
    holder.kill('SIGSTOP')
    const controller = new AbortController()
    const ended = producer.transaction(async () => {}, { signal: controller.signal }).catch((error: unknown) => error)
    controller.abort('the reason')
    const refused = await open(directory).catch((error: unknown) => error)
    assert.is(await ended, 'the reason')
    assert.ok(LogError.is(refused, 'DIRECTORY_IN_USE'), String(refused))
    assert.is(refused.details['pid'], holder.pid)
    assert.match(refused.message, /held by process \d+ .* didn't answer within 5 s: .*continue it \(kill -CONT\)/)
    holder.kill('SIGCONT')
    const attached = await open(directory)
    assert.is(attached.role, 'attached')
    await attached.close()
    await producer.close()
    await before.close()
  } finally {
    holder.kill('SIGKILL')
    await gone
    await rm(directory, { recursive: true, force: true })
  }
})

test.run()
