// Messages through a real socket come out whole and in their order, however many were sent in a turn and however the
// socket cuts them.
import fs from 'node:fs'
import { mkdtemp, rm } from 'node:fs/promises'
import { syncBuiltinESMExports } from 'node:module'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import type { Channel } from '../../bindings/engine/remote/channel.ts'
import { attachTo, listenForAttached } from '../../bindings/engine/remote/local-socket.ts'
import { randomOf } from '../log/catalogue/random.ts'

test('of any size, many in a turn, in both directions', async () => {
  const root = await mkdtemp(join(tmpdir(), 'oncelog-socket-'))
  let echoed = 0
  const listener = await listenForAttached(root, (channel: Channel) => {
    channel.start(
      (message) => {
        echoed++
        channel.send([message])
      },
      () => {},
    )
  })
  const channel = await attachTo(root)
  assert.ok(channel)
  const random = randomOf(5)
  const sizes = [0, 1, 3, 4, 5, 1000, 65_531, 65_532, 65_533, 200_000, 1_000_000]
  const sent: Uint8Array[] = []
  const came: Uint8Array[] = []
  await new Promise<void>((resolve) => {
    const total = 400
    channel.start(
      (message) => {
        came.push(message)
        if (came.length === total) resolve()
      },
      () => resolve(),
    )
    channel.keepAlive(true)
    const turn = () => {
      for (let count = 1 + random.below(40); count > 0 && sent.length < total; count--) {
        const size = random.below(4) === 0 ? random.pick(sizes) : random.below(300)
        const message = new Uint8Array(size).fill(sent.length)
        sent.push(message)
        const cut = random.below(size + 1)
        channel.send(random.below(2) === 0 ? [message] : [message.subarray(0, cut), message.subarray(cut)])
      }
      if (sent.length < total) setImmediate(turn)
    }
    turn()
  })
  channel.end()
  listener.close()
  await rm(root, { recursive: true, force: true })
  assert.is(echoed, sent.length)
  assert.is(came.length, sent.length)
  came.forEach((message, index) => {
    assert.is(Buffer.compare(message, sent[index] as Uint8Array), 0, `message ${index} of ${sent[index]?.length} bytes`)
  })
})

test('where a look is forbidden nobody is found', async () => {
  const { existsSync } = fs
  fs.existsSync = () => {
    throw Object.assign(new Error('restricted'), { code: 'ERR_ACCESS_DENIED' })
  }
  syncBuiltinESMExports()
  try {
    assert.is(await attachTo('/'), undefined)
  } finally {
    fs.existsSync = existsSync
    syncBuiltinESMExports()
  }
})

test.run()
