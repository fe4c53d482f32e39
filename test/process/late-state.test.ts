// State belongs to one call of handle. What a program left running there must not change it in silence: no record would
// have that change.
import * as assert from 'uvu/assert'
import { LogError, store } from '../../bindings/entry/node.ts'
import { test } from '../client/stores.ts'
import { until } from '../until.ts'
import { opened, payments, totals, values } from './support.ts'

type View = { get(key: string): Promise<unknown>; set(key: string, value: number): void; delete(key: string): void }

for (const delivery of ['exactly-once', 'at-least-once'] as const) {
  for (const concurrency of [1, 4]) {
    const how = `${delivery}, ${concurrency === 1 ? 'one at a time' : 'side by side'}`
    test(`state that is used after its handle has ended refuses that: ${how}`, async (open) => {
      const log = await opened(open, 1)
      const ended: View[] = []
      const processor = log.process({
        ...{ groupId: 'g', topics: [payments], state: { totals: store(totals) }, delivery, concurrency, retries: 1 },
        async handle(_, { state, attempt }) {
          ended.push(state.totals)
          state.totals.set('in time', attempt)
          if (attempt === 1) throw new RangeError('by the test')
        },
      })
      await until(() => ended.length === 2)
      await processor.close()
      for (const view of ended) {
        const uses = [() => view.get('in time'), async () => view.set('late', 1), async () => view.delete('in time')]
        for (const use of uses) {
          const refused = await use().then(
            () => undefined,
            (error: unknown) => error,
          )
          assert.ok(LogError.is(refused, 'INVALID_TXN_STATE'))
          assert.equal(refused.details, { topic: 'totals', partition: 0 })
        }
      }
      assert.equal(await values(log, totals), [2])
      await log.close()
    })
  }
}

test.run()
