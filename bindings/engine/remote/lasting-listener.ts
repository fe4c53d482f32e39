import * as fs from 'node:fs'
import * as net from 'node:net'
import type { Listener } from './listener.ts'

/** How often a holder looks whether its socket is still there, in milliseconds. */
const LOOK_MS = 1000

/**
 * Listens on a socket, and makes it anew when its file was removed, as by a program that cleans up: nobody else could
 * attach until the holder ends.
 */
export class LastingListener implements Listener {
  readonly #address: string
  readonly #connected: (socket: net.Socket) => void
  readonly #closed: () => void
  #server: net.Server
  #looks: NodeJS.Timeout | undefined
  #isWanted = false

  /** `closed`: nothing at the address is needed any more. */
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
    // Which removes the socket, by its address: what is in that must be open until then.
    this.#server.close(() => this.#closed())
  }

  #listen(): net.Server {
    const server = net.createServer(this.#connected)
    // Of one that can't be made the next look finds nothing either; of a connection that can't be taken its process hears.
    server.on('error', () => {})
    // Exclusive, or a worker of node:cluster would have its primary listen, to whom the address says another file.
    server.listen({ path: this.#address, exclusive: true })
    return server.unref()
  }

  /** What another one put there stays: whoever may do that has the lock, or has broken the log. */
  #look(): void {
    if (!this.#isGone()) return
    this.#server.close()
    this.#server = this.#listen()
    this.keepAlive(this.#isWanted)
  }

  /** Where the system doesn't tell, it isn't. */
  #isGone(): boolean {
    try {
      return fs.statSync(this.#address, { throwIfNoEntry: false }) === undefined
    } catch {
      return false
    }
  }
}
