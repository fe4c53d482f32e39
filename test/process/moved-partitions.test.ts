// process: members come and go while commits are under way or refused, and each number counts once.
import { setTimeout as wait } from 'node:timers/promises'
import * as assert from 'uvu/assert'
import { type OpenBroker, test } from '../client/stores.ts'
import { gate } from '../client/support.ts'
import { abortable, numbers, openedOver, out, soon, summing, sumsOf } from './sums.ts'

/**
 * One member gives partition 0 up while its first commit is under way. False where the group leaves it with that
 * member.
 */
async function isGivenUpAndGotAgain(openBroker: OpenBroker, { isRefused = true } = {}): Promise<boolean> {
  const held = gate()
  const log = await openedOver(
    openBroker,
    async (own, number) => {
      if (number > 1) return own()
      await held.opened
      if (isRefused) throw abortable()
      return own()
    },
    2,
  )
  const send = (...values: number[]) => {
    return log.producer().send(values.map((value) => numbers.record({ value, partition: 0 })))
  }
  const areThere = (count: number) => soon(async () => (await sumsOf(log)).length === count)
  const [byWhoStays, byWhoGoes]: [number[], number[]] = [[], []]
  await send(1, 2)
  const stays = log.process(summing(byWhoStays))
  await soon(() => byWhoStays.length === 2)
  const goes = log.process(summing(byWhoGoes))
  await soon(async () => (await log.admin.describeGroup('group')).members.length === 2)
  held.open()
  assert.ok(await areThere(2))
  await send(3, 4)
  assert.ok(await areThere(4))
  await goes.close()
  await send(5, 6)
  await areThere(6)
  await send(7, 8)
  assert.ok(await areThere(8), `${await sumsOf(log)}`)
  assert.equal(await sumsOf(log), [1, 3, 6, 10, 15, 21, 28, 36])
  await stays.close()
  await log.close()
  return byWhoGoes.length > 0
}

// Regression: five records of a log whose holders and workers were killed had neither output nor state, and the group
// had gone on after them. What a member still knew of an aborted transaction made it pass over the first batch of the
// partition when it got that again.
for (const isRefused of [true, false]) {
  const how = isRefused ? 'refused' : 'done'
  test(`a partition given up while its commit is ${how}, and got again after another member committed: nothing is passed over`, async (_, openBroker) => {
    let moves = 0
    // Which member gets it is chance.
    for (let round = 0; round < 20 && moves === 0; round++) {
      if (await isGivenUpAndGotAgain(openBroker, { isRefused })) moves++
    }
    assert.is(moves, 1)
  })
}

// By chance: it finds what the test of a partition that is got again finds, in about every second run. Without a seed,
// as timers and the turns of three members decide, too: none would bring a run back.
test('members that come and go, while commits are refused at random: each number counts once', async (_, openBroker) => {
  let refuses = true
  const log = await openedOver(
    openBroker,
    async (own) => {
      if (refuses && Math.random() < 0.3) throw abortable()
      return own()
    },
    2,
  )
  const endMs = performance.now() + 2500
  const sent: number[] = []
  const feed = async (): Promise<void> => {
    while (performance.now() < endMs) {
      const value = sent.length
      sent.push(value)
      await log.producer().send(numbers.record({ value, partition: 0 }))
      await wait(Math.random() * 6)
    }
  }
  const handOn = async ({ value }: { readonly value: unknown }) => out.record({ value: value as number })
  const comeAndGo = async (): Promise<void> => {
    while (performance.now() < endMs) {
      const member = log.process(summing([], { handle: handOn as never }))
      await wait(Math.random() * 100)
      await member.close()
    }
  }
  const stays = log.process(summing([], { handle: handOn as never }))
  await Promise.all([feed(), comeAndGo(), comeAndGo()])
  refuses = false
  await soon(async () => (await sumsOf(log)).length >= sent.length)
  await stays.close()
  assert.equal(
    (await sumsOf(log)).sort((a, b) => a - b),
    sent,
  )
  await log.close()
})

test.run()
