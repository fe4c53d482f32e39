// What an open after a kill asks of the disk: frames are read in large pieces, and what they hold is written in large
// ones.
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { openLog } from '../../../bindings/entry/embedded/embedded-log.ts'
import type { StoreFile } from '../../../bindings/storage/file-store.ts'
import { DirectoryImage } from '../../damage/directory-image.ts'
import { StillPort } from '../../damage/still-port.ts'

const SENDS = 300
const VALUE = 'v'.repeat(1000)
const SEGMENT = '00000000000000000000.log'
const FRAME_PIECE_BYTES = 512 * 1024

interface Call {
  readonly path: string
  readonly call: 'read' | 'write'
  readonly sizeBytes: number
}

class CountedImage extends DirectoryImage {
  readonly calls: Call[] = []

  override open(path: string, options: { readonly create: boolean }): StoreFile | undefined {
    const file = super.open(path, options)
    if (file === undefined) return undefined
    const counted = Object.assign(file, { read: this.#counting(file, 'read'), write: this.#counting(file, 'write') })
    return counted
  }

  #counting(file: StoreFile, call: Call['call']): StoreFile['read'] {
    const ask = file[call].bind(file)
    return (bytes, position) => {
      this.calls.push({ path: file.path, call, sizeBytes: bytes.length })
      return ask(bytes, position)
    }
  }

  of(call: Call['call'], path: (path: string) => boolean): readonly number[] {
    return this.calls.filter((each) => each.call === call && path(each.path)).map(({ sizeBytes }) => sizeBytes)
  }
}

/** Two partitions, each send a frame; most of them after the newest checkpoint. */
async function killed(): Promise<CountedImage> {
  const image = new DirectoryImage()
  const log = await openLog(image, new StillPort(), {})
  await log.admin.createTopic('t', { partitions: 2 })
  const producer = log.producer()
  for (let turn = 0; turn < SENDS; turn++) await producer.send({ topic: 't', partition: turn % 2, value: VALUE })
  return new CountedImage(image.fork().files)
}

test('300 frames are written to two segments in a few pieces, and hold what they held', async () => {
  const image = await killed()
  const before = [0, 1].map((partition) => image.files.get(`t-${partition}/${SEGMENT}`)?.bytes().slice())
  const log = await openLog(image, new StillPort(2), {})
  assert.is(log.recovery.clean, false)
  for (const partition of [0, 1]) {
    const path = `t-${partition}/${SEGMENT}`
    const writes = image.of('write', (each) => each === path)
    const writtenBytes = writes.reduce((sum, size) => sum + size, 0)
    assert.ok(writtenBytes > 50 * VALUE.length, `${writtenBytes} bytes came after the newest checkpoint`)
    assert.ok(writes.length <= 2, `${writes.length} writes of ${path}`)
    assert.equal(image.files.get(path)?.bytes(), before[partition])
  }
})

test('a border without a frame costs no reading of its own', async () => {
  const image = await killed()
  const ringBytes = image.paths.filter((path) => path.endsWith('.ring')).length * FRAME_PIECE_BYTES
  await openLog(image, new StillPort(2), {})
  const readings = image.of('read', (path) => path.endsWith('.ring'))
  // Each frame may be cut off by the end of one reading; what it holds is read once more, when it is written.
  assert.ok(readings.length <= SENDS + 3 * (ringBytes / FRAME_PIECE_BYTES) + 5, `${readings.length} readings`)
})

test.run()
