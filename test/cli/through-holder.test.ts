// What a command does that shows a log through the program that holds it, where that one falls silent or goes away.
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { type HeldLog, throughHolder } from '../../bindings/entry/cli/through-holder.ts'
import { LogError } from '../../bindings/entry/node.ts'
import { failure, gate } from '../client/support.ts'

const silent = () => new LogError('NETWORK_EXCEPTION', 'no sign of life')

/** A log whose holder falls silent at once. */
function silentLog() {
  const closed = gate()
  const whileAnswered = () => Promise.reject(silent())
  return { log: { whileAnswered, close: async () => closed.open() } as unknown as HeldLog, closed: closed.opened }
}

test('the files are shown once the work has ended with the log, and only where it couldn’t end', async () => {
  const { log, closed } = silentLog()
  const shown: string[] = []
  const work = async () => {
    await closed
    shown.push('what had come')
    throw silent()
  }
  assert.is(await throughHolder(log, work, async () => shown.push('the files')), 2)
  assert.equal(shown, ['what had come', 'the files'])
  const other = silentLog()
  const rest = async () => {
    await other.closed
    return shown.push('all of it')
  }
  assert.is(await throughHolder(other.log, rest, async () => 0), 3)
})

test('what the work itself fails with is told', async () => {
  const { log } = silentLog()
  const work = async () => Promise.reject(new LogError('UNKNOWN_TOPIC_OR_PARTITION', 'no such topic'))
  await failure('UNKNOWN_TOPIC_OR_PARTITION', () => throughHolder<HeldLog, unknown>(log, work, async () => {}))
})

test.run()
