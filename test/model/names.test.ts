import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { LogError } from '../../bindings/model/errors.ts'
import { assertTopicName, assertUserTopicName } from '../../bindings/model/names.ts'

const isRefused = (check: (name: string) => void, name: unknown): boolean => {
  try {
    check(name as string)
    return false
  } catch (error) {
    if (LogError.is(error, 'INVALID_TOPIC_EXCEPTION')) return true
    throw error
  }
}

test('a topic’s name keeps Kafka’s rules', () => {
  for (const name of ['a', 'A.b_c-9', '...', '.a', '-', 'x'.repeat(249)])
    assert.not(isRefused(assertTopicName, name), name)
  const bad = [
    '',
    '.',
    '..',
    'x'.repeat(250),
    'a/b',
    'a\\b',
    'a b',
    'a\n',
    'ä',
    'a\0',
    '\ud800',
    5,
    null,
    undefined,
    {},
    ['a'],
  ]
  for (const name of bad) assert.ok(isRefused(assertTopicName, name), String(name))
})

test('names of the log’s own topics may be read and not written', () => {
  for (const name of ['__consumer_offsets', '__x']) {
    assert.not(isRefused(assertTopicName, name))
    assert.ok(isRefused(assertUserTopicName, name))
  }
  assert.not(isRefused(assertUserTopicName, '_schemas'))
})

test('a name that is no name is shown in part only', () => {
  try {
    assertTopicName('x'.repeat(10_000))
  } catch (error) {
    assert.ok((error as Error).message.length < 400)
  }
})

test.run()
