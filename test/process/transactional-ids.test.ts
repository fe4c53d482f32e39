// The transactional ids of processors: no two pairs of group and topic share one.
import * as assert from 'uvu/assert'
import { LogError } from '../../bindings/entry/node.ts'
import { type OpenLog, test } from '../client/stores.ts'
import { until } from '../until.ts'

/** Put side by side with a dash they are the same text. */
const TOPIC_OF = { 'a-b': 'c', a: 'b-c' }

async function hasCommitted(log: Awaited<ReturnType<OpenLog>>, groupId: string): Promise<boolean> {
  const group = await log.admin.describeGroup(groupId).catch((error: unknown) => {
    if (!LogError.is(error, 'GROUP_ID_NOT_FOUND')) throw error
  })
  return group?.offsets[0]?.nextOffset === 1
}

test('groups and topics with names alike keep out of each other’s transactions', async (open) => {
  const log = await open()
  for (const [groupId, topic] of Object.entries(TOPIC_OF)) {
    await log.admin.createTopic(topic)
    await log.producer().send({ topic, value: '' })
    const processor = log.process({ groupId, topics: [topic], handle: async () => {} })
    // The processor works in the background and tells nobody when it commits: the group's offset does.
    await until(() => hasCommitted(log, groupId))
    await processor.close()
  }
  assert.is((await log.admin.listTransactions()).length, 2)
  await log.close()
})

test.run()
