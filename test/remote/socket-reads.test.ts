// What a socket reads comes in memory that it uses again, on both ends of an attached process's connection.
import { once } from 'node:events'
import fs from 'node:fs'
import { mkdtemp, rm } from 'node:fs/promises'
import * as net from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { attachTo, listenForAttached, SOCKET_FILE } from '../../bindings/engine/remote/local-socket.ts'
import { acceptedReading, SocketReads } from '../../bindings/engine/remote/socket-reads.ts'
import { until } from '../until.ts'

const ALL_BYTES = 4 * 1024 * 1024

interface Ends {
  readonly accepted: net.Socket
  readonly connected: net.Socket
  close(): Promise<void>
}

/** Both ends of a connection, as `local-socket.ts` has them, but for what they read into. */
async function connect(onread?: net.OnReadOpts): Promise<Ends> {
  const root = await mkdtemp(join(tmpdir(), 'oncelog-reads-'))
  const server = net.createServer({ pauseOnConnect: true }).listen(join(root, 's'))
  await once(server, 'listening')
  const connected = net.connect({ path: join(root, 's'), ...(onread && { onread }) })
  const [accepted] = (await once(server, 'connection')) as [net.Socket]
  connected.pause()
  const close = async (): Promise<void> => {
    connected.destroy()
    accepted.destroy()
    server.close()
    await once(server, 'close')
    await rm(root, { recursive: true })
  }
  return { accepted, connected, close }
}

/** Sends bytes and returns the buffers that they were read into. */
async function readAll(from: net.Socket, to: net.Socket, reads: SocketReads): Promise<Set<ArrayBufferLike>> {
  const sent = Buffer.from(Array.from({ length: ALL_BYTES / 1024 }, (_, index) => index % 251)).toString('latin1')
  const all = Buffer.from(sent.repeat(1024), 'latin1')
  const came = Buffer.alloc(all.length)
  const buffers = new Set<ArrayBufferLike>()
  let sizeBytes = 0
  await new Promise<void>((resolve) => {
    reads.start(to, (piece) => {
      sizeBytes += piece.copy(came, sizeBytes)
      buffers.add(piece.buffer)
      if (sizeBytes === came.length) resolve()
    })
    from.write(all)
  })
  assert.is(Buffer.compare(came, all), 0)
  return buffers
}

test('who accepts reads all into one piece of memory', async () => {
  const { accepted, connected, close } = await connect()
  const reads = new SocketReads()
  const buffers = await readAll(connected, acceptedReading(accepted, reads), reads)
  await close()
  assert.is(buffers.size, 1)
})

test('who connects does so too', async () => {
  const reads = new SocketReads()
  const { accepted, connected, close } = await connect(reads.onread)
  const buffers = await readAll(accepted, connected, reads)
  await close()
  assert.is(buffers.size, 1)
})

test('a socket that can’t be given memory is read as Node reads it', async () => {
  const { accepted, connected, close } = await connect()
  const buffers = await readAll(connected, accepted, new SocketReads())
  await close()
  assert.ok(buffers.size > 1)
})

for (const [what, handle] of [
  ['no handle', undefined],
  ['a handle that takes no memory', {}],
] as const) {
  test(`an accepted socket with ${what} stays as it is`, () => {
    const accepted = { _handle: handle } as unknown as net.Socket
    assert.is(acceptedReading(accepted, new SocketReads()), accepted)
    assert.is((accepted as unknown as { _handle: unknown })._handle, handle)
  })
}

const openDescriptors = (): number => fs.readdirSync('/proc/self/fd').length

test('without memory to read into neither end connects: nothing is thrown, and nothing stays open', async () => {
  const root = await mkdtemp(join(tmpdir(), 'oncelog-reads-'))
  const listener = await listenForAttached(root, () => assert.unreachable('a channel that reads into no memory'))
  const before = openDescriptors()
  const { allocUnsafeSlow } = Buffer
  Buffer.allocUnsafeSlow = () => {
    throw new RangeError('Array buffer allocation failed')
  }
  try {
    assert.is(await attachTo(root), undefined)
    const connected = net.connect(join(root, SOCKET_FILE))
    connected.resume()
    await once(connected, 'close')
  } finally {
    Buffer.allocUnsafeSlow = allocUnsafeSlow
  }
  await until(() => openDescriptors() <= before)
  listener.close()
  await rm(root, { recursive: true })
})

test('a listener gives back its descriptors once its connections have ended', async () => {
  const root = await mkdtemp(join(tmpdir(), 'oncelog-reads-'))
  const before = openDescriptors()
  let ended = 0
  const listener = await listenForAttached(root, (channel) =>
    channel.start(
      () => {},
      () => ended++,
    ),
  )
  for (let count = 0; count < 3; count++) {
    const channel = await attachTo(root)
    channel?.start(
      () => {},
      () => {},
    )
    channel?.end()
  }
  listener.close()
  await until(() => ended === 3 && openDescriptors() <= before)
  await rm(root, { recursive: true })
})

test.run()
