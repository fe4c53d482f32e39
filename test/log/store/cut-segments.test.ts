// Somebody cuts a segment under an open log. What is read back from it, for a frame or a checkpoint, is all there or
// refused: else bytes that were never written would be acknowledged, and noted as the segment's.
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { LogError } from '../../../bindings/model/errors.ts'
import { VirtualDisk } from '../../../bindings/testkit/simulation/virtual-disk.ts'
import { runNow } from '../support.ts'
import { SHOWN, Writer } from './plain-writer.ts'

const SEGMENT = '__oncelog_positions-0/00000000000000000000.log'
const CUT_BYTES = 300

function cutTo(disk: VirtualDisk): number {
  const file = disk.open(SEGMENT, { create: false })
  const sizeBytes = (file?.size() ?? 0) - CUT_BYTES
  file?.truncate(sizeBytes)
  file?.close()
  return sizeBytes
}

function errorOf(run: () => void): unknown {
  try {
    run()
  } catch (error) {
    return error
  }
  return undefined
}

for (const [what, batches, run] of [
  ['a frame that gets a batch from its segment', 1, (writer: Writer) => writer.commit(SHOWN)],
  ['a frame that names an extent', 20, (writer: Writer) => writer.commit(SHOWN)],
  ['a checkpoint', 1, (writer: Writer) => runNow(writer.store.close())],
] as const) {
  test(`${what} is refused where the segment was cut, with file and position`, () => {
    const writer = new Writer(new VirtualDisk())
    writer.begin(SHOWN)
    writer.append(SHOWN, batches)
    const sizeBytes = cutTo(writer.disk)
    const error = errorOf(() => run(writer))
    assert.ok(LogError.is(error, 'KAFKA_STORAGE_ERROR'), String(error))
    assert.is(error.details['file'], SEGMENT)
    assert.is(error.details['position'], sizeBytes)
  })
}

test.run()
