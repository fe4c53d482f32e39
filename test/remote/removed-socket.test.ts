// A holder's socket that somebody removes is made anew: attached processes stay attached, and others can attach again.
import { existsSync } from 'node:fs'
import { mkdir, mkdtemp, rename, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import type { Channel } from '../../bindings/engine/remote/channel.ts'
import { attachTo, listenForAttached, SOCKET_FILE } from '../../bindings/engine/remote/local-socket.ts'

let root = ''
test.before.each(async () => {
  root = await mkdtemp(join(tmpdir(), 'oncelog-removed-socket-'))
})
test.after.each(() => rm(root, { recursive: true, force: true }))

function echo(channel: Channel): void {
  channel.start(
    (message) => channel.send([message]),
    () => {},
  )
}

/** Asks and is answered, again and again. */
function conversation(channel: Channel): () => Promise<number> {
  let answered = (_: number) => {}
  channel.start(
    (message) => answered(message[0] ?? -1),
    () => answered(-1),
  )
  channel.keepAlive(true)
  return () => {
    return new Promise((resolve) => {
      answered = resolve
      channel.send([Uint8Array.of(7)])
    })
  }
}

async function untilAttached(directory: string): Promise<Channel> {
  for (;;) {
    const channel = await attachTo(directory)
    if (channel !== undefined) return channel
    await new Promise((resolve) => setTimeout(resolve, 10))
  }
}

test('a socket that was removed comes back, and who was attached stays', async () => {
  const listener = await listenForAttached(root, echo)
  const first = await attachTo(root)
  assert.ok(first)
  const ask = conversation(first)
  assert.is(await ask(), 7)
  for (let time = 0; time < 2; time++) {
    await rm(join(root, SOCKET_FILE))
    assert.is(await attachTo(root), undefined)
    const later = await untilAttached(root)
    assert.is(await conversation(later)(), 7)
    assert.is(await ask(), 7)
    later.end()
  }
  first.end()
  listener.close()
  assert.not.ok(existsSync(join(root, SOCKET_FILE)))
})

test('it comes back in the directory that its holder has, wherever that lies by now', async () => {
  const [place, moved] = [join(root, 'log'), join(root, 'moved')]
  await mkdir(place)
  const listener = await listenForAttached(place, echo)
  await rename(place, moved)
  await mkdir(place)
  await rm(join(moved, SOCKET_FILE))
  const channel = await untilAttached(moved)
  assert.is(await conversation(channel)(), 7)
  assert.not.ok(existsSync(join(place, SOCKET_FILE)))
  channel.end()
  listener.close()
})

test('where no socket can be made, it is told', async () => {
  const failed = await listenForAttached('/proc', echo).catch((error: unknown) => error)
  assert.instance(failed, Error)
})

test.run()
