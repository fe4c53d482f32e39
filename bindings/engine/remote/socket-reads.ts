import * as net from 'node:net'

/** More than a socket of the system holds by default, which is 208 KiB: one read takes all that has come. */
const READ_BYTES = 256 * 1024

/**
 * A socket's reads, each into the same memory. By itself Node takes 64 KiB outside of the JavaScript heap for each; a
 * process that makes little else for its collector to do is sent through its whole heap by each 60 MB of them
 * (docs/decisions/037-sockets-read-into-memory-of-ours.md).
 */
export class SocketReads {
  /** For the options of the socket: Node then calls no listener of its `data`. */
  readonly onread: net.OnReadOpts
  #take: (piece: Buffer) => void = () => {}

  constructor() {
    this.onread = {
      buffer: Buffer.allocUnsafeSlow(READ_BYTES),
      callback: (sizeBytes, memory) => {
        this.#take((memory as Buffer).subarray(0, sizeBytes))
        return true
      },
    }
  }

  /** `undefined` where the process gets no more memory. */
  static ifRoom(): SocketReads | undefined {
    try {
      return new SocketReads()
    } catch {
      return undefined
    }
  }

  /** From now on `take` is called with what the socket reads. The bytes stay until it returns. */
  start(socket: net.Socket, take: (piece: Buffer) => void): void {
    this.#take = take
    // For a socket that Node has read into its own memory after all.
    socket.on('data', take)
    if (!socket.destroyed) socket.resume()
  }
}

/** What Node has under a socket; not in its documentation. */
interface Handle {
  /** There where a socket can be given memory to read into. */
  readonly useUserBuffer?: unknown
}

/**
 * The connection that a server has accepted, reading through `reads`. Node lets only who connects say so: for a server
 * the connection is made a socket once more, as Node does with connections that another process hands over. Where that
 * can't be done it stays as it is, and only memory is lost.
 */
export function acceptedReading(accepted: net.Socket, { onread }: SocketReads): net.Socket {
  const owner = accepted as unknown as { _handle?: Handle | null }
  const handle = owner._handle
  if (typeof handle?.useUserBuffer !== 'function') return accepted
  const options = { handle, onread, pauseOnCreate: true, readable: true, writable: true }
  const socket = new net.Socket(options as net.SocketConstructorOpts)
  if ((socket as unknown as typeof owner)._handle !== handle) return accepted
  owner._handle = null
  // The server counts its connections by the first socket, and calls back from its close after the last one.
  socket.once('close', () => accepted.destroy())
  return socket
}
