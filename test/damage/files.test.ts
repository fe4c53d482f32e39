/**
 * Every file of a small log, harmed in every way, after a clean close and after a kill: everything as before, or damage
 * that an error or the report places; and `oncelog verify` finds what opening tells of.
 */
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { type VerifyReport, verifyDirectory } from '../../bindings/log/verify/verify-directory.ts'
import { LogError } from '../../bindings/model/errors.ts'
import { runTask } from '../../bindings/storage/run-task.ts'
import { returnKernel, takeKernel } from '../../bindings/testkit/simulation/kernel-pool.ts'
import { kindOf } from './bit-flips.ts'
import type { DirectoryImage } from './directory-image.ts'
import { fixtures, openSmall, RELAXED } from './fixture.ts'
import { HARMS } from './harms.ts'
import { observe } from './observe.ts'
import { transactionFixtures } from './transactions-fixture.ts'
import { judge } from './verdict.ts'

async function verify(image: DirectoryImage): Promise<Pick<VerifyReport, 'damage'>> {
  const kernel = takeKernel()
  try {
    return await runTask(verifyDirectory(image, kernel, () => {}))
  } catch (error) {
    if (!LogError.is(error, 'UNSUPPORTED_VERSION')) throw error
    const { file, position } = error.details as { file: string; position: number }
    return { damage: [{ file, position, offset: undefined, code: error.code }] } as never
  } finally {
    returnKernel(kernel)
  }
}

const others = [...(await fixtures(2, openSmall)), ...(await transactionFixtures(2, openSmall))]

const originals = [...(await fixtures(1, openSmall)), ...(await transactionFixtures(1, openSmall))]

for (const [index, { name, image }] of originals.entries()) {
  const other = others[index]?.image ?? image
  const before = await observe(image.fork())

  test(`${name}: verify is content with it`, async () => {
    assert.equal((await verify(image)).damage, [])
  })

  for (const harm of HARMS) {
    test(`${name}: ${harm.name}`, async () => {
      const rows: string[] = []
      const wrong: string[] = []
      for (const path of image.paths) {
        const copy = image.fork()
        if (!harm.apply(copy, path, other)) continue
        const { damage } = await verify(copy)
        const again = copy.fork()
        const after = await observe(again)
        const { outcome, isAllowed, why } = judge(before, after)
        rows.push(`${kindOf(path).padEnd(24)} ${outcome}`)
        const isRelaxed = path === RELAXED[name]
        if (!isAllowed && !isRelaxed) wrong.push(`${path}: ${why}`)
        const tells = after.told.some(({ code }) => code !== 'set aside')
        if (tells && damage.length === 0)
          wrong.push(`${path}: verify finds nothing, opening ${JSON.stringify(after.told[0])}`)
        // What opening did must not have made it worse: a second one sees the same, or tells.
        const second = judge(before, await observe(again))
        if (!second.isAllowed && !isRelaxed) wrong.push(`${path}, second opening after ${outcome}: ${second.why}`)
      }
      console.log(`  ${name}, ${harm.name}\n    ${[...new Set(rows)].sort().join('\n    ')}`)
      assert.equal(wrong, [])
    })
  }
}

test.run()
