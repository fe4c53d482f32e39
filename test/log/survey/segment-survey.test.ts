// What counts of a damaged segment: what the CRCs, the checkpoint, the journal or neighbouring batches prove.
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { BatchScanner } from '../../../bindings/log/segment/batch-scanner.ts'
import { type SegmentRemains, SegmentSurvey } from '../../../bindings/log/survey/segment-survey.ts'
import type { SurveyContext } from '../../../bindings/log/survey/survey-context.ts'
import { sealedBatch } from '../../../bindings/storage/conformance/batches.ts'
import { DirectoryImage } from '../../damage/directory-image.ts'
import { ImageFile } from '../../damage/image-file.ts'
import { appendSealed, DIRECTORY, join, newContext, newList } from '../segment/support.ts'
import { runNow } from '../support.ts'

const PATH = `${DIRECTORY}/00000000000000000000.log`
/** Offsets 0 to 4, a record each. */
const batches = [0, 1, 2, 3, 4].map((baseOffset) => sealedBatch({ baseOffset, timestamp: 1000 + baseOffset }))
const whole = join(batches)
const sizeBytes = whole.length
/** Where the batch with this offset begins. */
const at = (offset: number) => join(batches.slice(0, offset)).length

const list = newList(newContext(new DirectoryImage()))
for (const batch of batches) appendSealed(list, batch)
const noted = list.active?.facts()
const UNKNOWN_END = Number.POSITIVE_INFINITY
/** As the checkpoint notes the segment; another one begins after it. */
const NOTED = { noted, coveredBytes: sizeBytes, endOffset: 5, mayGoOn: false, isCleaned: false, patches: [] }
/** No checkpoint notes it, and nobody knows what was acknowledged. */
const UNNOTED = { ...NOTED, noted: undefined, coveredBytes: 0, endOffset: UNKNOWN_END, mayGoOn: true }

interface Found {
  /** Offsets [from, to) that are there, and that are lost. */
  readonly runs: readonly (readonly [number, number])[]
  readonly holes: readonly (readonly [number, number | undefined, string])[]
}

function survey(bytes: Uint8Array | undefined, remains: Omit<SegmentRemains, 'path' | 'baseOffset'>): Found {
  const store = new DirectoryImage()
  const context = newContext(store)
  if (bytes !== undefined) {
    const file = new ImageFile()
    file.write(bytes, 0)
    store.files.set(PATH, file)
  }
  const scanner = new BatchScanner(context.kernel)
  try {
    const parts: SurveyContext = { ...context, scanner, leaderEpoch: 0, progressed() {} }
    const { runs, holes } = runNow(new SegmentSurvey(parts, { path: PATH, baseOffset: 0, ...remains }).run())
    return {
      runs: runs.map(({ baseOffset, nextOffset }) => [baseOffset, nextOffset]),
      holes: holes.map(({ offset, nextOffset, code }) => [offset, nextOffset, code]),
    }
  } finally {
    scanner.close()
  }
}

/** The whole segment with flipped bits. */
function flipped(...positions: readonly number[]): Uint8Array {
  const bytes = whole.slice()
  for (const position of positions) bytes[position] = (bytes[position] ?? 0) ^ 1
  return bytes
}

const OFFSET_BYTE = 7
const LENGTH_BYTE = 11
const CRC_BYTE = 17

test('a segment as the checkpoint notes it is one run', () => {
  assert.equal(survey(whole, NOTED), { runs: [[0, 5]], holes: [] })
})

test('a batch whose CRC fails is a hole between two runs', () => {
  const { runs, holes } = survey(flipped(at(2) + CRC_BYTE), NOTED)
  assert.equal(runs, [
    [0, 2],
    [3, 5],
  ])
  assert.equal(holes, [[2, 3, 'bad-crc']])
})

test('a wrong offset, which no CRC covers, is found by the checksum that the checkpoint has of all heads', () => {
  const { runs, holes } = survey(flipped(at(2) + OFFSET_BYTE), NOTED)
  assert.equal(runs, [
    [0, 2],
    [3, 5],
  ])
  assert.equal(holes, [[2, 3, 'the head differs from the checkpoint']])
})

test('where the checksum proves nothing, batches count that agree with the next one', () => {
  const { runs, holes } = survey(flipped(at(1) + LENGTH_BYTE), NOTED)
  assert.equal(runs, [
    [0, 1],
    [2, 5],
  ])
  assert.equal(
    holes.map(([from, to]) => [from, to]),
    [[1, 2]],
  )
})

test('a batch between two damaged ones, with which nothing agrees, is lost too', () => {
  const { runs, holes } = survey(flipped(at(1) + LENGTH_BYTE, at(3) + LENGTH_BYTE), NOTED)
  assert.equal(runs, [
    [0, 1],
    [4, 5],
  ])
  assert.equal(
    holes.map(([from, to]) => [from, to]),
    [[1, 4]],
  )
})

test('of two batches that contradict each other a third one tells which is right', () => {
  const { runs, holes } = survey(flipped(at(1) + LENGTH_BYTE, at(3) + OFFSET_BYTE), NOTED)
  assert.equal(runs, [
    [0, 1],
    [2, 3],
    [4, 5],
  ])
  assert.equal(
    holes.map(([from, to]) => [from, to]),
    [
      [1, 2],
      [3, 4],
    ],
  )
})

test('whole batches with other heads than the noted ones are of another log: all is lost', () => {
  const foreign = join(batches.map(({ baseOffset }) => sealedBatch({ baseOffset, timestamp: 9 })))
  assert.equal(survey(foreign, NOTED), { runs: [], holes: [[0, 5, 'batch headers differ from the checkpoint']] })
})

test('a segment that is too short lacks its last offsets, one that is gone lacks all', () => {
  assert.equal(survey(whole.subarray(0, at(3)), NOTED), {
    runs: [[0, 3]],
    holes: [[3, 5, 'shorter than the checkpoint says']],
  })
  assert.equal(survey(undefined, NOTED), { runs: [], holes: [[0, 5, 'is missing']] })
})

test('a batch after the checkpoint that frames cover is lost if it is not whole', () => {
  const vouched = { ...UNNOTED, coveredBytes: sizeBytes, endOffset: 5 }
  assert.equal(survey(whole, vouched), { runs: [[0, 5]], holes: [] })
  assert.equal(survey(whole.subarray(0, at(3)), vouched).holes, [[3, 5, 'shorter than it was']])
})

test('a torn batch that no frame covers is no loss: it was acknowledged to nobody', () => {
  assert.equal(survey(whole.subarray(0, sizeBytes - 1), UNNOTED), { runs: [[0, 4]], holes: [] })
})

test('bytes that the journal has replace those in the file', () => {
  const patches = [{ position: at(2), bytes: whole.slice(at(2), at(3)) }]
  assert.equal(survey(flipped(at(2) + CRC_BYTE), { ...NOTED, patches }), { runs: [[0, 5]], holes: [] })
})

test('a loss whose end isn’t known has no end', () => {
  const bytes = whole.slice()
  bytes.fill(0, at(3))
  const vouched = { ...UNNOTED, coveredBytes: sizeBytes }
  const { runs, holes } = survey(bytes, vouched)
  assert.equal(runs, [[0, 3]])
  assert.equal(
    holes.map(([from, to]) => [from, to]),
    [[3, undefined]],
  )
})

test.run()
