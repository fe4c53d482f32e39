// A holder without a free descriptor: the system takes a connection for it and drops it at once. Once, a process that
// attached tried again at once too, without end, and kept itself and the holder busy.
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import type { Channel } from '../../bindings/engine/remote/channel.ts'
import { Link } from '../../bindings/engine/remote/link.ts'
import { loopback } from '../../bindings/engine/remote/loopback.ts'
import { ServedChannel } from '../../bindings/engine/remote/served-channel.ts'
import { MemoryStore } from '../../bindings/storage/drivers/memory.ts'
import { held, turns } from './support.ts'

test('a channel that ends before its holder greeted is made anew after longer and longer pauses; one that was greeted at once', async () => {
  const { broker, recovery } = await held(new MemoryStore())
  let isDropped = true
  const connections: Channel[] = []
  const pausesMs: number[] = []
  const due: (() => void)[] = []
  const link = new Link({
    connect: async () => {
      const [near, far] = loopback()
      connections.push(near)
      if (isDropped) setImmediate(() => far.end())
      else new ServedChannel(far, broker, recovery, new Set())
      return near
    },
    connected: () => {},
    membersLost: () => {},
    noticed: () => {},
    warned: () => {},
    setTimer: (delayMs, callback) => {
      pausesMs.push(delayMs)
      due.push(callback)
      return () => {}
    },
    now: () => 0,
    random: () => 0.5,
  })
  try {
    const opened = link.open()
    for (let tries = 1; tries <= 8; tries++) {
      await turns(10)
      assert.equal([connections.length, pausesMs.length], [tries, tries])
      due[tries - 1]?.()
    }
    assert.equal(pausesMs, [5, 10, 20, 40, 80, 160, 250, 250])
    isDropped = false
    await turns(10)
    due.at(-1)?.()
    await opened
    const before = connections.length
    connections.at(-1)?.end()
    await turns(10)
    assert.equal([connections.length, due.length], [before + 1, 9])
    isDropped = true
    connections.at(-1)?.end()
    await turns(10)
    assert.is(pausesMs.at(-1), 5)
    link.end()
    const ended = connections.length
    due.at(-1)?.()
    await turns(10)
    assert.is(connections.length, ended)
  } finally {
    link.end()
    await broker.close()
  }
})

test.run()
