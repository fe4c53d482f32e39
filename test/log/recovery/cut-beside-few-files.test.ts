// What a recovery sets aside and cuts stays open until then, however few files the process may open.
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { SET_ASIDE_DIRECTORY } from '../../../bindings/log/recovery/set-aside.ts'
import { LogError } from '../../../bindings/model/errors.ts'
import { Random } from '../../../bindings/testkit/simulation/random.ts'
import { SyncHost } from '../../../bindings/testkit/simulation/sync-host.ts'
import { VirtualDisk } from '../../../bindings/testkit/simulation/virtual-disk.ts'

const TAIL = 't-0/00000000000000000000.log'
/** Begins where nothing ends. */
const FURTHER = 't-0/00000000000000000009.log'
const TORN_BYTES = 50

/** A killed log with torn bytes at the end of this file. The catalogue is as noted: frames have batches of `t` alone. */
function tornDisk(path: string): VirtualDisk {
  const before = new SyncHost(new VirtualDisk())
  before.open()
  before.createTopic('AAAAAAAAAAAAAAAAAAAAtA', 't', 1, {})
  before.close()
  const host = new SyncHost(before.storage.reopened())
  host.open()
  const place = { topic: 't', partition: 0, producerId: host.openProducer(), producerEpoch: 0, baseSequence: 0 }
  host.send({ ...place, values: ['x'], acks: 'all' })
  host.settle()
  const disk = host.storage.image(new Random(1), 'kill')
  const file = disk.open(path, { create: true })
  file?.write(new Uint8Array(TORN_BYTES).fill(7), file.size())
  file?.close()
  return disk
}

/** Opens the log while so many opens of the copy meet too many open files. */
function open(disk: VirtualDisk, refusals: number) {
  let left = refusals
  const open = disk.open.bind(disk)
  disk.open = (path, options) => {
    if (!path.startsWith(SET_ASIDE_DIRECTORY) || left-- <= 0) return open(path, options)
    throw new LogError('KAFKA_STORAGE_ERROR', 'too many', { file: path, operation: 'open', errno: 'EMFILE' })
  }
  return new SyncHost(disk).open()
}

test('too many open files where a tail is set aside: files that nobody uses are closed, and not the one that is cut', () => {
  const { setAsideBytes, damage } = open(tornDisk(TAIL), 1)
  assert.is(setAsideBytes, TORN_BYTES)
  assert.equal(damage, [])
})

test('with none left to close the open hears of that; until then it keeps what it removes', () => {
  for (const path of [TAIL, FURTHER]) {
    let opened = 0
    for (let refusals = 1; refusals <= 4; refusals++) {
      try {
        assert.is(open(tornDisk(path), refusals).setAsideBytes, TORN_BYTES)
        opened++
      } catch (error) {
        if (!LogError.is(error, 'KAFKA_STORAGE_ERROR')) throw error
        assert.is(error.details['errno'], 'EMFILE', error.message)
      }
    }
    assert.ok(opened > 0 && opened < 4, `${path}: ${opened}`)
  }
})

test.run()
