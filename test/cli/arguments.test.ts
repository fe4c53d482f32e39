import { test } from 'uvu'
import * as assert from 'uvu/assert'
import {
  countFrom,
  durationMs,
  startPoint,
  topicPartitions,
  wholeName,
  wholeNumber,
} from '../../bindings/entry/cli/arguments.ts'

test("durations are those of Kafka's tool, PnDTnHnMnS", () => {
  for (const [text, milliseconds] of [
    ['PT1H', 3_600_000],
    ['P1D', 86_400_000],
    ['P1DT2H3M4.5S', 93_784_500],
    ['pt90m', 5_400_000],
    ['PT0S', 0],
    ['PT0.001S', 1],
  ] as const) {
    assert.is(durationMs(text), milliseconds, text)
  }
  for (const text of [
    '',
    '1H',
    'P',
    'PT',
    'P1DT',
    '-PT1H',
    'PT-1H',
    'PT1H2H',
    'PT1M1H',
    'PT1.5H',
    'P1W',
    'PT1H ',
    'P99999999999999999D',
  ]) {
    assert.throws(() => durationMs(text), /must be a duration/, text)
  }
})

test('a number that is too large is told the range, and not that it is no whole number', () => {
  assert.is(countFrom(0)('9007199254740991'), Number.MAX_SAFE_INTEGER)
  assert.throws(() => countFrom(1)('9007199254740992'), /from 1 to 9007199254740991/)
  assert.throws(() => wholeNumber('-9007199254740992'), /from -9007199254740991 to 9007199254740991/)
})

test('a topic may come with numbers of its partitions, and nothing else does', () => {
  assert.equal(topicPartitions('a'), ['a'])
  const both = [
    { topic: 'a', partition: 0 },
    { topic: 'a', partition: 12 },
  ]
  assert.equal(topicPartitions('a:0,12', ['b']), ['b', ...both])
  for (const text of ['', ':1', 'a:', 'a:x', 'a:-1', 'a:0,', 'a:0:1', 'a:99999999999999999']) {
    assert.throws(() => topicPartitions(text), /must be a topic, or a topic with partitions/, text)
  }
})

test('a time without its zone is UTC, wherever the machine stands', () => {
  const before = process.env['TZ']
  process.env['TZ'] = 'America/New_York'
  try {
    assert.is.not(new Date(2026, 10, 26, 9).getTime(), Date.UTC(2026, 10, 26, 9), 'the zone counts')
    for (const text of ['2026-11-26T09:00', '2026-11-26 09:00:00', '2026-11-26T09:00:00.000']) {
      assert.equal(startPoint(text), { timestamp: Date.UTC(2026, 10, 26, 9) }, text)
    }
    assert.equal(startPoint('2026-11-26'), { timestamp: Date.UTC(2026, 10, 26) })
  } finally {
    if (before === undefined) delete process.env['TZ']
    else process.env['TZ'] = before
  }
})

test('a time is milliseconds or a date of the calendar: "-1" and "yesterday-1" were the year 2001', () => {
  for (const [text, timestamp] of [
    ['0', 0],
    ['1795921208345', 1_795_921_208_345],
    ['2026-11-26', Date.UTC(2026, 10, 26)],
    ['2026-11-26T09:00Z', Date.UTC(2026, 10, 26, 9)],
    ['2026-11-26t09:00:01.5z', Date.UTC(2026, 10, 26, 9, 0, 1, 500)],
    ['2026-11-26 09:00:00+01:00', Date.UTC(2026, 10, 26, 8)],
    ['2024-02-29', Date.UTC(2024, 1, 29)],
  ] as const) {
    assert.equal(startPoint(text), { timestamp }, text)
  }
  for (const text of ['', '-1', 'yesterday-1', 'foo 1', 'March 7', '2026-02-31', '2026-02-29T09:00Z', '2026-13-01']) {
    assert.throws(() => startPoint(text), /must be earliest, latest/, text)
  }
})

test('a regular expression has to match a whole name, and is one by itself', () => {
  const names = ['a', 'ab', 'b', 'c/d']
  const matched = (text: string) => names.filter((name) => wholeName(text).test(name))
  assert.equal(matched('a|b'), ['a', 'b'])
  assert.equal(matched('c/.'), ['c/d'])
  assert.equal(matched(''), [])
  for (const text of ['(', 'a)|(b']) assert.throws(() => wholeName(text), /must be a name or a regular/, text)
})

test.run()
