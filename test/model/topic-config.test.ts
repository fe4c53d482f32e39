import { readFileSync } from 'node:fs'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { openMemory } from '../../bindings/entry/node.ts'
import { LogError } from '../../bindings/model/errors.ts'
import { BATCH_BYTES_MAX } from '../../bindings/model/limits.ts'
import { checkTopicConfig, parseTopicConfig, TOPIC_CONFIG_KEYS } from '../../bindings/model/topic-config.ts'

function refusal(config: unknown): LogError {
  try {
    parseTopicConfig(config as never)
  } catch (error) {
    if (LogError.is(error, 'INVALID_CONFIG')) return error
    throw error
  }
  throw new Error(`accepted: ${JSON.stringify(config)}`)
}

test('defaults are Kafka’s', () => {
  const { cleanupPolicy, segmentBytes, segmentMs, segmentIndexBytes, indexIntervalBytes, ...rest } = parseTopicConfig(
    {},
  )
  assert.equal(
    [cleanupPolicy, segmentBytes, segmentMs, segmentIndexBytes, indexIntervalBytes],
    ['delete', 2 ** 30, 7 * 86_400_000, 10 * 2 ** 20, 4096],
  )
  assert.equal(
    [rest.maxMessageBytes, rest.messageTimestampType, rest.messageTimestampAfterMaxMs, rest.retentionMs],
    [1_048_588, 'CreateTime', 3_600_000, 7 * 86_400_000],
  )
  assert.is(rest.compressionType, 'producer')
  assert.equal([rest.retentionBytes, rest.deleteRetentionMs, rest.minCompactionLagMs], [-1, 86_400_000, 0])
})

test('docs/topic-config.md has each key with its default', () => {
  const rows = readFileSync('docs/topic-config.md', 'utf8').matchAll(/^\| `([a-z.]+)` \| `([^`]+)` \|/gm)
  const described = Object.fromEntries([...rows].map(([, key = '', initial = '']) => [key, initial]))
  assert.equal(Object.keys(described).sort(), [...TOPIC_CONFIG_KEYS].sort())
  const defaults = parseTopicConfig({})
  for (const key of TOPIC_CONFIG_KEYS) {
    assert.equal(parseTopicConfig({ [key]: described[key] ?? '' }), defaults, key)
  }
})

test('what editors show of a key names its default', () => {
  const parts = readFileSync('bindings/model/topic-config-keys.ts', 'utf8').split("readonly '")
  const keys = parts.slice(1).map((part) => part.slice(0, part.indexOf("'")))
  assert.equal([...keys].sort(), [...TOPIC_CONFIG_KEYS].sort())
  keys.forEach((key, index) => {
    const [, initial = ''] = parts[index]?.match(/ Default `?(-?[\w.]*\w)/) ?? []
    assert.equal(parseTopicConfig({ [key]: initial }), parseTopicConfig({}), key)
  })
})

test('a key that is misspelt leads to the one that was meant', () => {
  for (const key of ['retention.sm', 'retentionMs', 'retention_ms']) {
    assert.match(refusal({ [key]: 5 }).message, /: did you mean retention\.ms\?; known are cleanup\.policy, /)
  }
  assert.match(refusal({ colour: 'red' }).message, /^unknown config key "colour"; known are cleanup\.policy, /)
})

test('values come through, numbers as text too', () => {
  const parsed = parseTopicConfig({ 'segment.bytes': 14, 'retention.ms': '-1', 'cleanup.policy': 'compact' })
  assert.equal([parsed.segmentBytes, parsed.retentionMs, parsed.cleanupPolicy], [14, -1, 'compact'])
})

test('each key at the ends of its range, and one beyond', () => {
  const ranges = [
    ['segment.bytes', 14, 2 ** 31 - 1],
    ['segment.ms', 1, Number.MAX_SAFE_INTEGER],
    ['segment.index.bytes', 4, 2 ** 31 - 1],
    ['index.interval.bytes', 0, 2 ** 31 - 1],
    ['max.message.bytes', 0, 2 ** 31 - 1],
    ['message.timestamp.before.max.ms', 0, Number.MAX_SAFE_INTEGER],
    ['message.timestamp.after.max.ms', 0, Number.MAX_SAFE_INTEGER],
    ['retention.ms', -1, Number.MAX_SAFE_INTEGER],
    ['retention.bytes', -1, Number.MAX_SAFE_INTEGER],
    ['delete.retention.ms', 0, Number.MAX_SAFE_INTEGER],
    ['min.compaction.lag.ms', 0, Number.MAX_SAFE_INTEGER],
    ['max.compaction.lag.ms', 1, Number.MAX_SAFE_INTEGER],
  ] as const
  const others = ['cleanup.policy', 'compression.type', 'message.timestamp.type', 'min.cleanable.dirty.ratio']
  assert.equal([...ranges.map(([key]) => key as string), ...others].sort(), [...TOPIC_CONFIG_KEYS].sort())
  for (const [key, from, to] of ranges) {
    for (const value of [from, to]) parseTopicConfig({ [key]: value })
    for (const value of [from - 1, to + 1]) {
      const { message, details } = refusal({ [key]: value })
      assert.match(message, key)
      assert.match(message, `from ${from} to ${to}`)
      assert.equal(details, { key, from, to })
    }
  }
})

test('no batch may be larger than what an open takes for one, whatever the config says', async () => {
  for (const [given, counts] of [
    [BATCH_BYTES_MAX - 1, BATCH_BYTES_MAX - 1],
    [2 ** 31 - 1, BATCH_BYTES_MAX],
  ]) {
    assert.is(parseTopicConfig({ 'max.message.bytes': given as number }).maxMessageBytes, counts)
  }
  const log = await openMemory()
  await log.admin.createTopic('t', { config: { 'max.message.bytes': 2 ** 31 - 1 } })
  const value = new Uint8Array(BATCH_BYTES_MAX)
  const error = await log
    .producer({ bufferBytes: 2 * BATCH_BYTES_MAX })
    .send({ topic: 't', value })
    .catch((refused: unknown) => refused)
  assert.ok(LogError.is(error, 'MESSAGE_TOO_LARGE'))
  assert.is(error.details['maxMessageBytes'], BATCH_BYTES_MAX)
  await log.close()
})

test('a record can’t have to be left alone for longer than until it has to be compacted', () => {
  const lags = (min: number, max: number) => ({ 'min.compaction.lag.ms': min, 'max.compaction.lag.ms': max })
  checkTopicConfig(lags(5, 5))
  checkTopicConfig({ 'min.compaction.lag.ms': Number.MAX_SAFE_INTEGER })
  // One that stands in a log is taken as it is.
  parseTopicConfig(lags(6, 5))
  assert.throws(
    () => checkTopicConfig(lags(6, 5)),
    (error: LogError) =>
      error.code === 'INVALID_CONFIG' && /min\.compaction\.lag\.ms" is 6, more than .* is 5/.test(error.message),
  )
})

test('a share is a number from 0 to 1, as text too', () => {
  const ratio = 'min.cleanable.dirty.ratio'
  assert.is(parseTopicConfig({}).minCleanableDirtyRatio, 0.5)
  for (const value of [0, 0.01, 1, '0.25']) {
    assert.is(parseTopicConfig({ [ratio]: value }).minCleanableDirtyRatio, Number(value))
  }
  for (const value of [-0.1, 1.1, Number.NaN, '2', 'half', true, '', ' 1', '0x1', '1e0', '.5', '1.']) {
    assert.match(refusal({ [ratio]: value }).message, `config "${ratio}" is a number from 0 to 1`)
  }
})

test('wrong types are refused, by key and type', () => {
  const wrong = [
    0.5,
    Number.NaN,
    Number.POSITIVE_INFINITY,
    true,
    null,
    undefined,
    {},
    [],
    '',
    ' 5',
    '0x5',
    '5.0',
    'abc',
    1n,
  ]
  for (const value of wrong) {
    const { message } = refusal({ 'segment.ms': value })
    assert.match(message, 'segment.ms')
    assert.match(message, value === null || Array.isArray(value) ? 'object' : typeof value)
  }
  for (const value of ['Delete', '', 5, true, null, 'delete,delete', ['delete']]) refusal({ 'cleanup.policy': value })
  for (const value of ['createtime', 0]) refusal({ 'message.timestamp.type': value })
  for (const value of ['none', 'GZIP', 'brotli', 4]) refusal({ 'compression.type': value })
})

test('unknown keys are refused, inherited and dangerous ones too', () => {
  for (const key of ['retention', 'RETENTION.MS', 'toString', 'constructor', '']) {
    assert.is(refusal({ [key]: 1 }).details['key'], key)
  }
  refusal(JSON.parse('{"__proto__": 1}'))
  for (const config of [null, undefined, 5, 'x', []]) refusal(config)
})

test.run()
