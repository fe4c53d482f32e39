import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { durationMs } from '../../bindings/entry/cli/arguments.ts'

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

test.run()
