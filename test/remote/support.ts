import type { RuntimePort } from '../../bindings/broker/runtime-port.ts'
import type { Channel, OnMessage } from '../../bindings/engine/remote/channel.ts'
import type { Listener } from '../../bindings/engine/remote/listener.ts'
import { loopback } from '../../bindings/engine/remote/loopback.ts'
import { MessageReader } from '../../bindings/engine/remote/message-reader.ts'
import type { EmbeddedBroker } from '../../bindings/engine/sessions/embedded-broker.ts'
import { openHeld } from '../../bindings/entry/embedded/embedded-log.ts'
import type { Meeting } from '../../bindings/entry/embedded/holder-search.ts'
import { nodePort } from '../../bindings/entry/embedded/node-port.ts'
import type { Held, HoldHooks } from '../../bindings/entry/embedded/serving.ts'
import type { SharedOptions } from '../../bindings/entry/embedded/shared-broker.ts'
import { LogError } from '../../bindings/model/errors.ts'
import type { FileStore } from '../../bindings/storage/file-store.ts'

/** A thousand seconds pass in one. */
export const hastyPort: RuntimePort = {
  ...nodePort,
  now: () => performance.now() * 1000,
  elapsed: () => performance.now() * 1000,
  setTimer: (delayMs, callback, options) => nodePort.setTimer(delayMs / 1000, callback, options),
}

export async function turns(count: number): Promise<void> {
  for (let turn = 0; turn < count; turn++) await new Promise((resolve) => setImmediate(resolve))
}

/** What a lost holder still did with a request. */
export type Fate = 'served' | 'unanswered' | 'dead'

/** A channel on which a holder gets only the requests that `hears` says, by their method. */
export function hearing(channel: Channel, hears: (method: string) => boolean): Channel {
  return {
    start: (onMessage, onEnd) =>
      channel.start((message, release) => {
        const reader = new MessageReader(message)
        reader.int32()
        if (hears(reader.text())) onMessage(message, release)
      }, onEnd),
    send: (message, sent) => channel.send(message, sent),
    keepAlive: (isWanted) => channel.keepAlive(isWanted),
    end: () => channel.end(),
  }
}

/** One place where processes meet, all of them in this one; whoever holds it can be cut off at any request. */
export class Place implements Meeting {
  holder: EmbeddedBroker | undefined
  listening: ((channel: Channel) => void) | undefined
  /** The holder that is noted, by its process. */
  noted: number | undefined
  /** Asked for each request of an attached one by its method. */
  fate: (method: string) => Fate = () => 'served'
  #channels: Channel[] = []

  async attach(): Promise<Channel | undefined> {
    const listening = this.listening
    if (listening === undefined) return undefined
    const [mine, theirs] = loopback()
    this.#channels.push(mine)
    listening({
      start: (onMessage, onEnd) => theirs.start((...message) => this.#hand(message, onMessage), onEnd),
      send: (message) => theirs.send(message),
      keepAlive: (isWanted) => theirs.keepAlive(isWanted),
      end: () => theirs.end(),
    })
    return mine
  }

  #hand(message: Parameters<OnMessage>, onMessage: OnMessage): void {
    const reader = new MessageReader(message[0])
    reader.int32()
    const fate = this.fate(reader.text())
    if (fate === 'served') onMessage(...message)
    else if (fate === 'dead') this.cut()
  }

  async listen(attached: (channel: Channel) => void): Promise<Listener> {
    this.listening = attached
    return { keepAlive: () => {}, close: () => this.deaf() }
  }

  heldBy(): LogError {
    return inUse(this.noted)
  }

  /** Nobody can attach any more. */
  deaf(): void {
    this.listening = undefined
  }

  /** The holder is gone, as a killed process is. */
  cut(): void {
    this.deaf()
    for (const channel of this.#channels.splice(0)) channel.end()
  }
}

export function inUse(pid?: number): LogError<'DIRECTORY_IN_USE'> {
  return new LogError('DIRECTORY_IN_USE', 'another one has it', { pid })
}

export function held(store: FileStore, hooks?: HoldHooks): Promise<Held> {
  return openHeld(store, nodePort, {}, { hooks })
}

export function optionsOf(place: Place, hold: SharedOptions['hold'], port: RuntimePort = nodePort): SharedOptions {
  return { meeting: place, port, exclusive: false, hold }
}
