import * as fs from 'node:fs'
import * as net from 'node:net'
import { availableParallelism } from 'node:os'
import { dirname, join } from 'node:path'
import { BusyPoll, POLL_FOR_ANSWER_MS, POLL_FOR_REQUEST_MS } from './busy-poll.ts'
import type { Channel, OnMessage } from './channel.ts'
import { IncomingMemory } from './incoming-memory.ts'
import { HEAD_BYTES, IncomingMessages } from './incoming-messages.ts'
import { LastingListener } from './lasting-listener.ts'
import type { Listener } from './listener.ts'
import { type MessagePieces, messageBytes } from './message-pieces.ts'
import { OutgoingMemory } from './outgoing-memory.ts'
import { processorWaitMs } from './processor-wait.ts'
import { acceptedReading, SocketReads } from './socket-reads.ts'
import { SpareProcessor } from './spare-processor.ts'

/** In the log's own directory, so that only those who may enter that may attach. */
export const SOCKET_FILE = '.attach'

/**
 * A socket's address holds 107 bytes, and a directory's path may be longer: so it is named through a descriptor, which
 * is equally short in every process.
 */
async function withAddress<T>(directory: string, use: (address: string, done: () => void) => Promise<T>): Promise<T> {
  const descriptor = fs.openSync(directory, fs.constants.O_RDONLY | fs.constants.O_DIRECTORY)
  let isOpen = true
  return use(`/proc/self/fd/${descriptor}/${SOCKET_FILE}`, () => {
    if (isOpen) fs.closeSync(descriptor)
    isOpen = false
  })
}

/** Only the process that has the directory's lock may call it: what a dead holder left is removed. */
export async function listenForAttached(directory: string, attached: (channel: Channel) => void): Promise<Listener> {
  fs.rmSync(join(directory, SOCKET_FILE), { force: true })
  return withAddress(directory, async (address, done) => {
    if (!isThere(dirname(address))) {
      done()
      // The system would say that this process has no right to make a socket there.
      throw new Error('/proc is not mounted, by which others attach: mount it, or open with exclusive: true')
    }
    const shared = share(POLL_FOR_REQUEST_MS)
    const connected = (accepted: net.Socket): void => {
      const reads = SocketReads.ifRoom()
      // Whoever connected tries again. Thrown here it would end the process.
      if (reads === undefined) accepted.destroy()
      else attached(new SocketChannel(acceptedReading(accepted, reads), reads, shared))
    }
    const listener = new LastingListener(address, connected, done)
    await listener.started()
    return listener
  })
}

/** `undefined` if nobody listens, or nobody can be reached now. To try costs milliseconds, to look at the name none. */
export async function attachTo(directory: string): Promise<Channel | undefined> {
  if (!isThere(join(directory, SOCKET_FILE))) return undefined
  const reads = SocketReads.ifRoom()
  if (reads === undefined) return undefined
  const connected = withAddress(directory, (address, done) => {
    return new Promise<Channel | undefined>((resolve) => {
      const socket = net.connect({ path: address, onread: reads.onread })
      socket.once('connect', () => {
        done()
        resolve(new SocketChannel(socket, reads, share(POLL_FOR_ANSWER_MS)))
      })
      socket.once('error', () => {
        done()
        resolve(undefined)
      })
    })
  })
  return connected.catch(() => undefined)
}

/** `existsSync` throws where Node's permission model lets the process read nothing there. */
function isThere(path: string): boolean {
  try {
    return fs.existsSync(path)
  } catch {
    return false
  }
}

/** Up to this size a copy is cheaper than a further piece of a write. */
const JOINED_BYTES = 64 * 1024

/** What the channels of a listener have in common. */
interface Shared {
  readonly incoming: IncomingMemory
  readonly outgoing: OutgoingMemory
  readonly processor: SpareProcessor
  readonly pollMs: number
}

function share(pollMs: number): Shared {
  return {
    incoming: new IncomingMemory(),
    outgoing: new OutgoingMemory(),
    processor: new SpareProcessor(processorWaitMs),
    pollMs,
  }
}

interface Outgoing {
  readonly message: MessagePieces
  readonly sent: (() => void) | undefined
}

/** With one processor, polling keeps it from the process that is to answer. */
const HAS_SEVERAL_PROCESSORS = availableParallelism() > 1

/** Each message follows its length, 32 bits, little-endian. Messages of one turn are one write. */
class SocketChannel implements Channel {
  readonly outgoing: OutgoingMemory
  readonly #socket: net.Socket
  readonly #reads: SocketReads
  readonly #incoming: IncomingMemory
  readonly #busyPoll: BusyPoll
  #unwritten: Outgoing[] = []

  constructor(socket: net.Socket, reads: SocketReads, { incoming, outgoing, processor, pollMs }: Shared) {
    this.#socket = socket
    this.#reads = reads
    this.outgoing = outgoing
    this.#incoming = incoming
    const port = {
      now: () => performance.now(),
      nextTurn: setImmediate,
      isProcessorSpare: (nowMs: number) => HAS_SEVERAL_PROCESSORS && processor.isSpare(nowMs),
    }
    this.#busyPoll = new BusyPoll(port, pollMs)
    socket.unref()
    socket.pause()
    socket.on('error', () => {})
  }

  send(message: MessagePieces, sent?: () => void): void {
    this.#unwritten.push({ message, sent })
    if (this.#unwritten.length === 1) process.nextTick(() => this.#write())
  }

  #write(): void {
    const messages = this.#unwritten
    this.#unwritten = []
    if (this.#socket.destroyed || messages.length === 0) return
    const sizeBytes = messages.reduce((sum, { message }) => sum + HEAD_BYTES + messageBytes(message), 0)
    if (sizeBytes <= JOINED_BYTES) this.#writeJoined(messages, sizeBytes)
    else this.#writePieces(messages)
    this.#busyPoll.sent()
  }

  #writeJoined(messages: readonly Outgoing[], sizeBytes: number): void {
    this.#socket.write(joined(messages, sizeBytes))
    for (const { sent } of messages) sent?.()
  }

  #writePieces(messages: readonly Outgoing[]): void {
    this.#socket.cork()
    for (const { message, sent } of messages) {
      const head = Buffer.allocUnsafe(HEAD_BYTES)
      head.writeUInt32LE(messageBytes(message))
      this.#socket.write(head)
      // Called too where the socket has ended: it doesn't read the bytes any more then.
      for (const piece of message) this.#socket.write(piece, piece === message.at(-1) ? sent : undefined)
    }
    this.#socket.uncork()
  }

  start(onMessage: OnMessage, onEnd: () => void): void {
    const socket = this.#socket
    const incoming = new IncomingMessages(onMessage, this.#incoming)
    socket.once('close', onEnd)
    if (socket.destroyed) return onEnd()
    this.#reads.start(socket, (piece) => {
      this.#busyPoll.received()
      if (!incoming.read(piece)) socket.destroy()
    })
  }

  keepAlive(isWanted: boolean): void {
    if (isWanted) this.#socket.ref()
    else this.#socket.unref()
  }

  /** Ends after the answers of this turn: a caller that waits for one must not be told that its outcome is unknown. */
  end(): void {
    this.#write()
    this.#socket.destroy()
  }
}

function joined(messages: readonly Outgoing[], sizeBytes: number): Buffer {
  const bytes = Buffer.allocUnsafe(sizeBytes)
  let at = 0
  for (const { message } of messages) {
    at = bytes.writeUInt32LE(messageBytes(message), at)
    for (const piece of message) {
      bytes.set(piece, at)
      at += piece.length
    }
  }
  return bytes
}
