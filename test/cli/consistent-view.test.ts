// What the command line takes for damage beside a holder that goes on writing: only what several looks in a row find at
// the same place.
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { type LogView, onView } from '../../bindings/entry/cli/consistent-view.ts'
import type { HeldLog } from '../../bindings/entry/cli/through-holder.ts'
import { LogError } from '../../bindings/entry/node.ts'

const held = { whileAnswered: (work: Promise<unknown>) => work, close: async () => {} }
const attached = held as unknown as HeldLog

type Found = readonly number[] | { readonly refusedAt: number }

/** Looks that find damage at these positions, or can't open the log for what is there. */
function looks(found: readonly Found[]) {
  const made: { readonly log: LogView; isClosed: boolean }[] = []
  let count = 0
  const look = async (): Promise<LogView> => {
    const each = found[count++]
    assert.ok(each !== undefined, `${count} looks`)
    if ('refusedAt' in each) {
      throw new LogError('CORRUPT_LOG', 'damaged', { file: 'journal/header', position: each.refusedAt })
    }
    const damage = each.map((position) => ({ file: 't-0/0.log', position, code: 'bad-crc' }))
    const close = async () => {
      seen.isClosed = true
    }
    const log = { recovery: { damage }, close } as unknown as LogView
    const seen = { log, isClosed: false }
    made.push(seen)
    return log
  }
  const isOpen = () => made.filter(({ isClosed }) => !isClosed).map(({ log }) => log)
  return { look, isOpen, count: () => count }
}

async function shown(found: readonly Found[], holder: HeldLog | undefined = undefined) {
  const seen = looks(found)
  try {
    return await onView({ look: seen.look, attach: async () => holder }, async (log) => {
      assert.equal(seen.isOpen(), log === holder ? [] : [log])
      const damage = 'recovery' in log ? log.recovery.damage.map(({ position }) => position) : 'the holder’s'
      return [damage, seen.count()]
    })
  } catch (error) {
    assert.ok(LogError.is(error))
    assert.equal(seen.isOpen(), [])
    return [error.code, seen.count()]
  }
}

test('a whole look is taken at once, whatever came before', async () => {
  assert.equal(await shown([[]]), [[], 1])
  assert.equal(await shown([[1], { refusedAt: 5 }, []]), [[], 3])
})

test('damage that three looks in a row find is shown, an opening that it refuses too', async () => {
  assert.equal(await shown([[1], [1], [1]]), [[1], 3])
  assert.equal(await shown([[7], [1, 8], [1], [1]]), [[1], 4])
  assert.equal(await shown([{ refusedAt: 5 }, { refusedAt: 5 }, { refusedAt: 5 }]), ['CORRUPT_LOG', 3])
})

test('looks that never agree show no damage: the holder is asked, or the look is refused', async () => {
  const moving = [[1], [2], [1], [3], [1]]
  assert.equal(await shown(moving, attached), ['the holder’s', 5])
  assert.equal(await shown(moving), ['DIRECTORY_IN_USE', 5])
  assert.equal(await shown([[1, 2], [1, 3], [1, 4], [1, 5], { refusedAt: 6 }]), ['DIRECTORY_IN_USE', 5])
})

test('where the holder falls silent as it is asked, the files are looked at again', async () => {
  const silent = new LogError('NETWORK_EXCEPTION', 'no sign of life')
  const stopped = { ...held, whileAnswered: () => Promise.reject(silent) } as unknown as HeldLog
  const { look, isOpen } = looks([[1], [2], [1], [3], [1], []])
  const seen: string[] = []
  const shown = await onView({ look, attach: async () => stopped }, async (log) => {
    seen.push('recovery' in log ? 'files' : 'holder')
    if (log === stopped) throw silent
    return 'shown'
  })
  assert.equal([shown, ...seen], ['shown', 'holder', 'files'])
  assert.equal(isOpen(), [])
})

test('another failure than damage ends the look', async () => {
  const error = new LogError('KAFKA_STORAGE_ERROR', 'can’t read')
  const refused = async () => Promise.reject(error)
  await onView({ look: refused, attach: async () => attached }, async () => {}).then(
    () => assert.unreachable(),
    (thrown) => assert.is(thrown, error),
  )
})

test.run()
