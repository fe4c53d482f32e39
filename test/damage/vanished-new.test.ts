// A kill leaves partitions that no checkpoint notes: frames alone name them, of acks 1 by nothing but a ceiling. Their
// directories were durable before (rule 7): the open, verify and salvage go by the frames.
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { LogError } from '../../bindings/model/errors.ts'
import type { Damage } from '../../bindings/storage/recovery-report.ts'
import { openImage } from '../salvage/fixture.ts'
import { salvaged, verified } from '../salvage/run.ts'
import { DirectoryImage } from './directory-image.ts'

async function killedAfter(acks: 'all' | 1): Promise<DirectoryImage> {
  const image = new DirectoryImage()
  const log = await openImage(image)
  for (const topic of ['t', 'other']) await log.admin.createTopic(topic)
  await log.producer().send({ topic: 'other', value: 'other' })
  await log.producer({ acks }).send({ topic: 't', value: 'acknowledged' })
  const killed = image.fork()
  await log.close()
  return killed
}

async function valuesIn(image: DirectoryImage): Promise<readonly string[]> {
  const log = await openImage(image)
  const values: string[] = []
  for await (const { value } of log.read('t', { until: 'end' }))
    values.push(new TextDecoder().decode(value ?? undefined))
  await log.close()
  return values
}

function toldOf(damage: readonly Damage[]): readonly (readonly [file: string, code: string])[] {
  return damage.map(({ file, code }) => [file, code])
}

function without(image: DirectoryImage, isGone: (path: string) => boolean): DirectoryImage {
  const copy = image.fork()
  for (const path of copy.paths.filter(isGone)) copy.files.delete(path)
  return copy
}

for (const acks of ['all', 1] as const) {
  const killed = await killedAfter(acks)

  test(`acks ${acks}: the directory is gone: the open and verify tell, at later opens too`, async () => {
    const image = without(killed, (path) => path.startsWith('t-0/'))
    const damage = { file: 't-0', position: 0, topic: 't', partition: 0, code: 'is missing' }
    assert.equal((await verified(image)).damage, [{ ...damage, offset: undefined }])
    for (let round = 0; round < 3; round++) {
      const log = await openImage(image)
      assert.equal(log.recovery.readOnly, [{ topic: 't', partition: 0, damage: { ...damage, offset: 0 } }])
      const refused = await log
        .producer()
        .send({ topic: 't', value: 'more' })
        .catch((error: unknown) => error)
      assert.ok(LogError.is(refused, 'LOG_READ_ONLY'), String(refused))
      await log.close()
      assert.equal(await valuesIn(image), acks === 'all' ? ['acknowledged'] : [], `after open ${round}`)
    }
  })

  test(`acks ${acks}: the directory names another topic: the open and verify tell`, async () => {
    const image = killed.fork()
    image.files.set('t-0/partition.metadata', image.files.get('other-0/partition.metadata')?.fork() as never)
    assert.equal(toldOf((await verified(image)).damage), [['t-0/partition.metadata', 'names another topic id']])
    const log = await openImage(image)
    assert.equal(toldOf(log.recovery.damage), [['t-0/partition.metadata', 'names another topic id']])
    await log.close()
    assert.equal(await valuesIn(image), ['acknowledged'])
  })

  test(`acks ${acks}: the directory names none: salvage has its records, as the open`, async () => {
    const image = without(killed, (path) => path === 't-0/partition.metadata')
    assert.equal(toldOf((await verified(image)).damage), [['t-0/partition.metadata', 'names no topic id']])
    const { copy, report } = await salvaged(image)
    assert.equal(report.losses, [])
    assert.equal(await valuesIn(copy), ['acknowledged'])
    assert.equal(await valuesIn(image), ['acknowledged'])
  })
}

test('the second file of the ring is gone: the open and verify tell', async () => {
  const image = without(await killedAfter('all'), (path) => path === 'journal/00000001.ring')
  const told = [['journal/00000001.ring', 'is missing']]
  assert.equal(toldOf((await verified(image)).damage), told)
  const log = await openImage(image)
  assert.equal(toldOf(log.recovery.damage), told)
  await log.close()
})

test.run()
