// What an attached process asks for is what its holder is asked for.
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { BrokerLog } from '../../bindings/client/log.ts'
import type { Command } from '../../bindings/engine/commands.ts'
import { AttachedBroker } from '../../bindings/engine/remote/attached-broker.ts'
import { loopback } from '../../bindings/engine/remote/loopback.ts'
import { ServedChannel } from '../../bindings/engine/remote/served-channel.ts'
import type { EmbeddedBroker } from '../../bindings/engine/sessions/embedded-broker.ts'
import { nodePort } from '../../bindings/entry/embedded/node-port.ts'
import { MemoryStore } from '../../bindings/storage/drivers/memory.ts'
import { held } from './support.ts'

test('records get the acks that their producer has, and a member begins at offsets that no transaction may change', async () => {
  const holder = await held(new MemoryStore())
  const asked: Command[] = []
  const ask = holder.broker.ask.bind(holder.broker)
  const noting: EmbeddedBroker['ask'] = (command) => {
    return ask((done) => {
      const given = command(done)
      asked.push(given)
      return given
    })
  }
  Object.assign(holder.broker, { ask: noting })
  const [mine, theirs] = loopback()
  const served = new ServedChannel(theirs, holder.broker, holder.recovery, new Set())
  const attached = new AttachedBroker(async () => mine, nodePort)
  await attached.open()
  const log = new BrokerLog(attached, nodePort)
  await log.admin.createTopic('t')
  for (const acks of ['all', 1] as const) await log.producer({ acks }).send({ topic: 't', value: `${acks}` })
  const levels = asked.flatMap((command) => (command.kind === 'append' ? [command.request.acks] : []))
  assert.equal(levels, ['all', 1])
  const consumer = log.consumer({ groupId: 'g', topics: ['t'] })
  for await (const { value } of consumer) {
    assert.ok(value)
    break
  }
  assert.ok(asked.some(({ kind }) => kind === 'awaitStableOffsets'))
  await consumer.close()
  await log.close()
  served.end()
  await holder.broker.close()
})

test.run()
