/**
 * Another log's file under a segment's name, as a restore that mixes two backups leaves it: none of its records is read as this log's, however
 * they lie in it; the error names the file. Found by exchanging files of every shape: as many records in fewer or more bytes were delivered up
 * to where the segment had ended, and those of a large one, batch for batch as long, all of them in silence.
 */
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { type EmbeddedLog, openLog } from '../../bindings/entry/embedded/embedded-log.ts'
import { LogError } from '../../bindings/model/errors.ts'
import { salvaged, verified } from '../salvage/run.ts'
import { DirectoryImage } from './directory-image.ts'
import type { ImageFile } from './image-file.ts'
import { StillPort } from './still-port.ts'

const SEGMENT = 't-0/00000000000000000000.log'
const START_MS = 1_700_000_000_000

/** Its time moves with each look at it. */
class MovingPort extends StillPort {
  #now: number

  constructor(startMs: number) {
    super()
    this.#now = startMs
  }

  override now(): number {
    return this.#now++
  }
}

interface Written {
  readonly name: string
  readonly valueBytes: number
  readonly segmentBytes: number
  readonly startMs: number
  /** Of each record, where the program gives it. */
  readonly timestamp?: number
}

async function written({ name, valueBytes, segmentBytes, startMs, timestamp }: Written): Promise<DirectoryImage> {
  const image = new DirectoryImage()
  const log = await openLog(image, new MovingPort(startMs))
  await log.admin.createTopic('t', { config: { 'segment.bytes': segmentBytes } })
  for (let index = 0; index < 20; index++) {
    const value = `${name} ${index}`.padEnd(valueBytes)
    await log.producer().send({ topic: 't', value, ...(timestamp === undefined ? {} : { timestamp }) })
  }
  await log.close()
  return image
}

async function valuesOf(log: EmbeddedLog, from: number): Promise<{ values: string[]; refusal: LogError | undefined }> {
  const values: string[] = []
  const positions = [{ topic: 't', partition: 0, nextOffset: from }]
  try {
    for await (const { value } of log.read('t', { from: positions, until: 'end' }))
      values.push(Buffer.from(value ?? []).toString())
    return { values, refusal: undefined }
  } catch (error) {
    return { values, refusal: error as LogError }
  }
}

const SMALL = { valueBytes: 200, segmentBytes: 1500 }
const LARGE = { valueBytes: 30_000, segmentBytes: 400_000 }
const CASES: readonly (readonly [what: string, own: typeof SMALL, others: Partial<Written>])[] = [
  ['in fewer bytes', SMALL, { valueBytes: 100, segmentBytes: 4500 }],
  ['in more bytes', SMALL, { valueBytes: 400, segmentBytes: 4500 }],
  ['in fewer bytes, all of one time', SMALL, { valueBytes: 100, segmentBytes: 4500, timestamp: 5 }],
  ['in more bytes, all of one time', SMALL, { valueBytes: 400, segmentBytes: 4500, timestamp: 5 }],
  ['in as many bytes, large', LARGE, {}],
  ['in fewer bytes, large', LARGE, { valueBytes: 15_000 }],
]

for (const [what, shape, others] of CASES) {
  test(`${what}: nothing of it is read, and the file is named`, async () => {
    const { timestamp } = others
    const times = timestamp === undefined ? {} : { timestamp }
    const own = await written({ name: 'own', startMs: START_MS, ...shape, ...times })
    const other = await written({ name: 'other', startMs: START_MS + 1e6, ...shape, ...others })
    const image = own.fork()
    image.files.set(SEGMENT, other.files.get(SEGMENT)?.fork() as ImageFile)
    const damage = (await verified(image.fork())).damage.map(({ file, code }) => `${file} ${code}`)
    assert.ok(damage.includes(`${SEGMENT} batch headers differ from the checkpoint`), damage.join())
    const { copy } = await salvaged(image.fork())
    const log = await openLog(image, new StillPort(3))
    for (const from of [0, 3]) {
      const { values, refusal } = await valuesOf(log, from)
      assert.equal(values, [])
      assert.ok(LogError.is(refusal, 'CORRUPT_MESSAGE'), String(refusal))
      assert.equal([refusal.details['file'], refusal.details['fault']], [SEGMENT, 'headers-differ'])
    }
    await log.close()
    const kept = await openLog(copy, new StillPort(4))
    const { values } = await valuesOf(kept, 0)
    assert.equal(
      values.filter((value) => !value.startsWith('own')),
      [],
    )
    await kept.close()
  })
}

test.run()
