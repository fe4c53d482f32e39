/**
 * Every file of small logs, harmed in every way: whatever it is, the copy opens for writing, is whole by `verify`, and
 * holds no record that was never written; what it lacks is listed. Every seventh here; all of them, two minutes: `node
 * --import tsx test/salvage/harms.test.ts all`
 */
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { LogError } from '../../bindings/model/errors.ts'
import type { DirectoryImage } from '../damage/directory-image.ts'
import { fixtures, RELAXED } from '../damage/fixture.ts'
import { HARMS } from '../damage/harms.ts'
import { transactionFixtures } from '../damage/transactions-fixture.ts'
import { openImage } from './fixture.ts'
import { salvaged, verified } from './run.ts'

const STEP = process.argv.includes('all') ? 1 : 7
const others = [...(await fixtures(2)), ...(await transactionFixtures(2))]

async function records(image: DirectoryImage): Promise<readonly string[]> {
  const log = await openImage(image, 8)
  assert.equal([log.recovery.damage, log.recovery.readOnly], [[], []])
  const seen: string[] = []
  for (const topic of await log.admin.listTopics()) {
    for await (const { partition, offset, value } of log.read(topic, { until: 'end' }))
      seen.push(`${topic}-${partition} ${offset} ${value === null ? 'null' : Buffer.from(value).toString()}`)
    await log.producer().send({ topic, value: 'new' })
  }
  await log.close()
  return seen
}

for (const [index, { name, image }] of [...(await fixtures()), ...(await transactionFixtures())].entries()) {
  const other = others[index]?.image ?? image

  test(name, async () => {
    const before = await records(image.fork())
    const cases = HARMS.flatMap((harm) => image.paths.map((path) => ({ harm, path })))
    const outcomes = { whole: 0, less: 0, newer: 0 }
    for (const [number, { harm, path }] of cases.entries()) {
      const damaged = image.fork()
      if ((number + index) % STEP !== 0 || !harm.apply(damaged, path, other)) continue
      const told = `${harm.name}: ${path}`
      const done = await salvaged(damaged).catch((error: unknown) => {
        if (LogError.is(error, 'UNSUPPORTED_VERSION')) return undefined
        throw error
      })
      if (done === undefined) {
        outcomes.newer++
        continue
      }
      const { copy, report } = done
      assert.equal((await verified(copy)).damage, [], told)
      const after = await records(copy)
      assert.equal((await verified(copy)).damage, [], `closed again: ${told}`)
      const invented = after.filter((each) => !before.includes(each))
      assert.equal(invented, [], told)
      if (after.length === before.length) outcomes.whole++
      else outcomes.less++
      if (after.length < before.length && path !== RELAXED[name])
        assert.ok(report.losses.length > 0, `nothing is listed: ${told}`)
    }
    console.log(`  ${name}: ${JSON.stringify(outcomes)}`)
  })
}

test.run()
