import * as fs from 'node:fs'
import * as net from 'node:net'
import { join } from 'node:path'
import type { Channel } from './channel.ts'

/** In the log's own directory: who may not go there may not attach. */
export const SOCKET_FILE = '.attach'
/** Larger than any batch that the log takes, with room for its frame: a wrong length asks for no more. */
const MESSAGE_BYTES_MAX = 256 * 1024 * 1024

/**
 * A socket's address holds 107 bytes, a directory's path may be longer: it is named by way of a descriptor, which is as
 * short in every process.
 */
async function withAddress<T>(directory: string, use: (address: string, done: () => void) => Promise<T>): Promise<T> {
  const descriptor = fs.openSync(directory, fs.constants.O_RDONLY | fs.constants.O_DIRECTORY)
  let isOpen = true
  return use(`/proc/self/fd/${descriptor}/${SOCKET_FILE}`, () => {
    if (isOpen) fs.closeSync(descriptor)
    isOpen = false
  })
}

export interface Listener {
  /** Whether it keeps the process alive; it doesn't at first. */
  keepAlive(isWanted: boolean): void
  close(): void
}

/** Only for who holds the directory's lock: what a dead holder left is removed. */
export async function listenForAttached(directory: string, attached: (channel: Channel) => void): Promise<Listener> {
  fs.rmSync(join(directory, SOCKET_FILE), { force: true })
  return withAddress(directory, (address, done) => {
    const server = net.createServer((socket) => attached(new SocketChannel(socket)))
    return new Promise((resolve, reject) => {
      server.once('error', (error) => {
        done()
        reject(error)
      })
      server.listen(address, () => {
        server.unref()
        resolve({
          keepAlive(isWanted): void {
            if (isWanted) server.ref()
            else server.unref()
          },
          close(): void {
            server.close(done)
          },
        })
      })
    })
  })
}

/** `undefined`: nobody listens, or nobody can be reached now. */
export async function attachTo(directory: string): Promise<Channel | undefined> {
  const connected = withAddress(directory, (address, done) => {
    return new Promise<Channel | undefined>((resolve) => {
      const socket = net.connect(address)
      socket.once('connect', () => {
        done()
        resolve(new SocketChannel(socket))
      })
      socket.once('error', () => {
        done()
        resolve(undefined)
      })
    })
  })
  return connected.catch(() => undefined)
}

/** Messages behind their lengths, 32 bits, little-endian. */
class SocketChannel implements Channel {
  readonly #socket: net.Socket
  #chunks: Buffer[] = []
  #sizeBytes = 0

  constructor(socket: net.Socket) {
    this.#socket = socket
    socket.unref()
    socket.pause()
    socket.on('error', () => {})
  }

  send(message: Uint8Array): void {
    if (this.#socket.destroyed) return
    const head = Buffer.allocUnsafe(4)
    head.writeUInt32LE(message.length)
    this.#socket.cork()
    this.#socket.write(head)
    this.#socket.write(message)
    process.nextTick(() => this.#socket.uncork())
  }

  start(onMessage: (message: Uint8Array<ArrayBuffer>) => void, onEnd: () => void): void {
    const socket = this.#socket
    socket.on('data', (chunk: Buffer) => {
      this.#chunks.push(chunk)
      this.#sizeBytes += chunk.length
      for (let message = this.#next(); message !== undefined; message = this.#next()) onMessage(message)
    })
    socket.once('close', onEnd)
    if (socket.destroyed) onEnd()
    else socket.resume()
  }

  keepAlive(isWanted: boolean): void {
    if (isWanted) this.#socket.ref()
    else this.#socket.unref()
  }

  end(): void {
    this.#socket.destroy()
  }

  /** Fills it from what has come, which is enough. */
  #take(into: Uint8Array): void {
    let done = 0
    let used = 0
    while (done < into.length) {
      const chunk = this.#chunks[used] as Buffer
      const part = chunk.subarray(0, into.length - done)
      into.set(part, done)
      done += part.length
      if (part.length === chunk.length) used++
      else this.#chunks[used] = chunk.subarray(part.length)
    }
    this.#chunks.splice(0, used)
    this.#sizeBytes -= into.length
  }

  #next(): Uint8Array<ArrayBuffer> | undefined {
    if (this.#sizeBytes < 4) return undefined
    if ((this.#chunks[0]?.length ?? 0) < 4) this.#chunks = [Buffer.concat(this.#chunks)]
    const length = this.#chunks[0]?.readUInt32LE(0) ?? 0
    if (length > MESSAGE_BYTES_MAX) {
      this.#socket.destroy()
      return undefined
    }
    if (this.#sizeBytes < 4 + length) return undefined
    this.#take(new Uint8Array(4))
    const message = new Uint8Array(length)
    this.#take(message)
    return message
  }
}
