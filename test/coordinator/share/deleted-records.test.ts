// Records that are deleted from the log are finished for its share groups.
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { ShareGroups } from '../../../bindings/coordinator/share/share-groups.ts'

test('offsets below the log start are finished, whoever had locked them', () => {
  const shares = new ShareGroups()
  const at = { groupId: 'g', topicId: 'AAAAAAAAAAAAAAAAAAAAAg', partition: 0, endOffset: 10 }
  const request = { memberId: 'm', maxOffsets: 2, lockMs: 100, now: 0 } as const
  shares.planStart('g', [{ topicId: at.topicId, partition: 0, startOffset: 0 }])
  const first = shares.planAcquire({ ...at, logStartOffset: 0 }, request)
  assert.equal(first?.ranges, [{ firstOffset: 0, lastOffset: 1, deliveryCount: 1 }])
  shares.expire(200)
  const next = shares.planAcquire({ ...at, logStartOffset: 5 }, { ...request, now: 200 })
  assert.equal(next?.ranges, [{ firstOffset: 5, lastOffset: 6, deliveryCount: 1 }])
})

test.run()
