/** Which files of a partition count after a stop at any step of a compaction or a deletion (Kafka's LogLoader.load). */
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { settleSegments } from '../../bindings/log/import/settle-segments.ts'
import { perform } from '../../bindings/storage/effect.ts'
import { runNow } from '../log/support.ts'

const digits = (offset: number) => String(offset).padStart(20, '0')

/** Names of segments as `0.log`, short; ends of swaps by their base offset. */
function settled(names: readonly string[], ends: Readonly<Record<number, number>> = {}): string[] {
  const files = names.map((name) => name.replace(/^\d+/, (base) => digits(Number(base))))
  const { segments } = runNow(
    settleSegments('t-0', files, ({ baseOffset, file }) => perform('read', file, () => ends[baseOffset] ?? baseOffset)),
  )
  return segments.map(({ file }) => file.replace(/^t-0\/0*(?=\d)/, ''))
}

test('plain segments, in offset order, whatever else lies beside them', () => {
  assert.equal(
    settled([
      '10.log',
      '0.index',
      '0.log',
      '7.index',
      'partition.metadata',
      '10.snapshot',
      'leader-epoch-checkpoint',
      '0.log.tmp',
    ]),
    ['0.log', '10.log'],
  )
})

test('what is deleted or was never finished is dropped', () => {
  assert.equal(settled(['0.log.deleted', '10.log', '10.log.cleaned', '10.index.cleaned']), ['10.log'])
})

test('a finished compaction takes the place of all that begins below its end', () => {
  assert.equal(settled(['0.log', '10.log', '0.log.swap', '20.log'], { 0: 20 }), ['0.log.swap', '20.log'])
})

test('what it replaced may be gone in part already', () => {
  assert.equal(settled(['10.log', '0.log.deleted', '0.log.swap', '20.log'], { 0: 20 }), ['0.log.swap', '20.log'])
})

test('its own name may be given already: only its indexes still have the other one', () => {
  assert.equal(settled(['0.log', '0.index.swap', '10.log.deleted', '20.log']), ['0.log', '20.log'])
})

test('one that came out empty replaces the segment of its name alone', () => {
  assert.equal(settled(['0.log', '0.log.swap', '10.log']), ['0.log.swap', '10.log'])
})

test('a split that was not finished is undone: its parts at and above the first unfinished one go', () => {
  assert.equal(settled(['0.log', '0.log.swap', '5.log.cleaned', '8.log.swap', '10.log'], { 0: 5, 8: 10 }), [
    '0.log.swap',
    '10.log',
  ])
  assert.equal(settled(['0.log', '0.log.cleaned', '5.log.swap', '10.log'], { 5: 10 }), ['0.log', '10.log'])
})

test('each that is left out is told with the reason', () => {
  const names = [`${digits(0)}.log.deleted`, `${digits(5)}.log.cleaned`, `${digits(9)}.log.swap`]
  const { leftOut } = runNow(settleSegments('t-0', names, ({ file }) => perform('read', file, () => 0)))
  assert.equal(
    leftOut.map(({ offset, why }) => [offset, why.split(' ').slice(0, 3).join(' ')]),
    [
      [0, 'Kafka had deleted'],
      [5, 'compaction had not'],
      [9, 'of a split'],
    ],
  )
})

test('an offset beyond 2^53 is refused by the name of its file', () => {
  const name = '09223372036854776000.log'
  assert.throws(
    () => settled([name]),
    (error: { code?: string; details?: { file?: string } }) =>
      error.code === 'INTEGER_RANGE' && error.details?.file === `t-0/${name}`,
  )
})

test.run()
