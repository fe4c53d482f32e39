// Workers of node:cluster are processes like others, but a socket that they listen on is opened by their primary unless
// they say otherwise: the log's socket is named through a descriptor, and the primary's descriptors are others.
import cluster from 'node:cluster'
import { once } from 'node:events'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { open } from '../../bindings/entry/node.ts'
import { LOADER } from '../runner/loader.ts'

const exec = fileURLToPath(new URL('fixtures/worker.ts', import.meta.url))

test('a worker of a cluster holds a log, and others attach to it', async () => {
  const directory = await mkdtemp(join(tmpdir(), 'oncelog-cluster-'))
  const first = await open(directory)
  await first.admin.createTopic('t')
  await first.close()
  cluster.setupPrimary({ exec, args: [directory, 'w'], execArgv: [...LOADER], silent: true })
  const worker = cluster.fork()
  const gone = once(worker, 'exit').then(() => ['gone'])
  try {
    assert.equal(await Promise.race([once(worker, 'message').then(([told]) => told), gone]), { role: 'holder' })
    const log = await open(directory)
    assert.is(log.role, 'attached')
    const { offset } = await log.producer().send({ topic: 't', value: 'x' })
    assert.is((await log.get('t', { partition: 0, offset }))?.offset, offset)
    await log.close()
  } finally {
    worker.process.kill('SIGKILL')
    await gone
    await rm(directory, { recursive: true, force: true })
  }
})

test.run()
