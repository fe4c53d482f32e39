import * as fs from 'node:fs'
import * as net from 'node:net'
import type { Listener } from './listener.ts'

/** How often a holder checks that its socket is still there, in milliseconds. */
const LOOK_MS = 1000

/**
 * Listens on a socket, and makes the socket anew when its file was removed, as by a program that cleans up: else nobody
 * else could attach until the holder ends.
 */
export class LastingListener implements Listener {
  readonly #address: string
  readonly #connected: (socket: net.Socket) => void
  readonly #closed: () => void
  #server: net.Server
  #looks: NodeJS.Timeout | undefined
  #isWanted = false

  /** `closed`: called once nothing at the address is needed any more. */
  constructor(address: string, connected: (socket: net.Socket) => void, closed: () => void) {
    this.#address = address
    this.#connected = connected
    this.#closed = closed
    this.#server = this.#listen()
  }

  /** Rejects where no socket can be made; it is closed then. */
  async started(): Promise<void> {
    try {
      await new Promise<void>((resolve, reject) => this.#server.once('listening', resolve).once('error', reject))
      this.#looks = setInterval(() => this.#look(), LOOK_MS).unref()
    } catch (error) {
      this.close()
      throw error
    }
  }

  keepAlive(isWanted: boolean): void {
    this.#isWanted = isWanted
    if (isWanted) this.#server.ref()
    else this.#server.unref()
  }

  close(): void {
    clearInterval(this.#looks)
    // Closing removes the socket by its address: what the address names must be open until then.
    this.#server.close(() => this.#closed())
  }

  #listen(): net.Server {
    // Nothing is read before its channel is there.
    const server = net.createServer({ pauseOnConnect: true }, this.#connected)
    // If the socket can't be made, the next look doesn't find it either; if a connection can't be taken, its process
    // hears of it.
    server.on('error', () => {})
    // Exclusive: else a worker of node:cluster would have its primary listen, in which the address names another file.
    server.listen({ path: this.#address, exclusive: true })
    return server.unref()
  }

  /**
   * Makes the socket anew if its file is gone. A file that somebody else put there stays: only the lock's holder may do
   * that, or somebody who has broken the log.
   */
  #look(): void {
    if (!this.#isGone()) return
    this.#server.close()
    this.#server = this.#listen()
    this.keepAlive(this.#isWanted)
  }

  /** False also where the system doesn't tell. */
  #isGone(): boolean {
    try {
      return fs.statSync(this.#address, { throwIfNoEntry: false }) === undefined
    } catch {
      return false
    }
  }
}
