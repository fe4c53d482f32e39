// What is passed over of a damaged segment takes no memory, however large it is: a recovery that asked for as much ended
// with the platform's RangeError.
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { JoinedWrites } from '../../../bindings/log/recovery/joined-writes.ts'
import { RecoveredEnd } from '../../../bindings/log/recovery/recovered-end.ts'
import { SetAside } from '../../../bindings/log/recovery/set-aside.ts'
import { BatchScanner } from '../../../bindings/log/segment/batch-scanner.ts'
import { FileCache } from '../../../bindings/log/segment/file-cache.ts'
import { SCRATCH_BYTES } from '../../../bindings/log/segment/segment-context.ts'
import { SegmentList } from '../../../bindings/log/segment/segment-list.ts'
import { WriteBuffers } from '../../../bindings/log/segment/write-buffers.ts'
import { StoredFiles } from '../../../bindings/log/stored-files/stored-files.ts'
import { BATCH_BYTES_MAX } from '../../../bindings/model/limits.ts'
import { parseTopicConfig } from '../../../bindings/model/topic-config.ts'
import { VirtualDisk } from '../../../bindings/testkit/simulation/virtual-disk.ts'
import { newKernel } from '../../kernel/support.ts'
import { runNow } from '../support.ts'

const MORE_THAN_ANY_MEMORY_BYTES = 2 ** 50

test('a piece without a head that leads on is passed over as a whole', () => {
  const kernel = newKernel()
  const store = new VirtualDisk()
  const scratch = kernel.allocate(SCRATCH_BYTES)
  if (scratch === undefined) throw new Error('no memory')
  const cache = new FileCache(store, 4)
  const writeBuffers = new WriteBuffers(() => false)
  const context = { kernel, store, files: cache, writeBuffers, scratch, maxBatchBytes: BATCH_BYTES_MAX }
  const list = new SegmentList(context, 't-0', () => parseTopicConfig({}), [])
  const files = new StoredFiles({ topicId: 'AAAAAAAAAAAAAAAAAAAAtA', topic: 't', partition: 0 }, 't-0', list)
  const end = new RecoveredEnd(
    {
      ...{ store, kernel, files: cache, scanner: new BatchScanner(kernel), writes: new JoinedWrites(cache) },
      ...{ setAside: new SetAside(store, 0), damage: [], leaderEpoch: 0, producerIdsEnd: 0 },
    },
    files,
    undefined,
  )
  runNow(end.roll())
  const file = runNow(cache.reopen('t-0/00000000000000000000.log'))
  assert.is(end.passOver(file, 0, MORE_THAN_ANY_MEMORY_BYTES, 7), MORE_THAN_ANY_MEMORY_BYTES)
  assert.equal(
    list.all.map(({ nextOffset, sizeBytes }) => [nextOffset, sizeBytes]),
    [[7, MORE_THAN_ANY_MEMORY_BYTES]],
  )
  assert.is(files.nextOffset, 7)
})

test.run()
