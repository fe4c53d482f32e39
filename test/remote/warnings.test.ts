// Warnings of a log concern whoever runs a program on it, whichever process holds it.
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { nodePort } from '../../bindings/entry/embedded/node-port.ts'
import type { HoldHooks } from '../../bindings/entry/embedded/serving.ts'
import { SharedBroker } from '../../bindings/entry/embedded/shared-broker.ts'
import { MemoryStore } from '../../bindings/storage/drivers/memory.ts'
import { held, inUse, optionsOf, Place, turns } from './support.ts'

test('every process hears a warning once, also those whose log came to hold it later', async () => {
  const place = new Place()
  const heard: string[] = []
  let holding: HoldHooks | undefined
  const openOne = async (name: string): Promise<SharedBroker> => {
    const port = { ...nodePort, warn: (code: string, message: string) => heard.push(`${name}: ${code} ${message}`) }
    const hold = async (hooks: HoldHooks) => {
      if (holding !== undefined) throw inUse()
      holding = hooks
      return held(new MemoryStore(), hooks)
    }
    const shared = new SharedBroker(optionsOf(place, hold, port))
    await shared.open()
    return shared
  }
  const warn = async (message: string): Promise<string[]> => {
    holding?.warn('RETENTION_PAUSED', message)
    await turns(5)
    return heard.splice(0).sort()
  }
  const first = await openOne('a')
  const second = await openOne('b')
  assert.equal(await warn('1'), ['a: RETENTION_PAUSED 1', 'b: RETENTION_PAUSED 1'])
  await first.close()
  holding = undefined
  place.cut()
  while (second.role === 'attached') await turns(1)
  const third = await openOne('c')
  assert.equal(await warn('2'), ['b: RETENTION_PAUSED 2', 'c: RETENTION_PAUSED 2'])
  await third.close()
  await second.close()
})

test.run()
