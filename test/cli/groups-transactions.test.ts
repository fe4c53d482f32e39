// Groups and transactions from the command line: beside a program that has the log open, and on a directory at rest.
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { open } from '../../bindings/entry/node.ts'
import { take } from '../client/support.ts'
import { CommandLine, rows } from './support.ts'

const cli = new CommandLine()
test.after(() => cli.remove())

async function besideRows(words: readonly string[]): Promise<Record<string, unknown>[]> {
  const { status, out, err } = await cli.runBeside([...words, '--json'])
  assert.is(status, 0, err)
  return rows(out)
}

test('beside a holder: members and open transactions are seen as they are, and nothing is disturbed', async () => {
  const log = await open(cli.log)
  try {
    await log.admin.createTopic('t')
    await log.producer().send([1, 2, 3].map(() => ({ topic: 't', value: 'x' })))
    const consumer = log.consumer({ groupId: 'g', topics: ['t'] })
    const [record] = await take(consumer, 1)
    await consumer.commit(record!)
    const transaction = await log.producer({ transactionalId: 'id' }).beginTransaction()
    await transaction.send({ topic: 't', value: 'open' })

    const [group] = await besideRows(['groups'])
    assert.equal(group, { groupId: 'g', state: 'Stable', generation: 1, members: 1, partitions: 1, lag: 2 })
    const [heading, place] = await besideRows(['groups', 'describe', 'g'])
    assert.equal(heading, { groupId: 'g', state: 'Stable', generation: 1, members: 1 })
    const { memberId, ...offsets } = place ?? {}
    assert.match(String(memberId), /^oncelog-/)
    assert.equal(offsets, {
      ...{ groupId: 'g', topic: 't', partition: 0, nextOffset: 1 },
      ...{ lag: 2, heldBack: 1, heldBackBy: 'id' },
    })
    const [listed] = await besideRows(['transactions', 'list', '--open-for', '0'])
    assert.equal([listed?.['transactionalId'], listed?.['state']], ['id', 'Ongoing'])
    assert.equal(listed?.['partitions'], [{ topic: 't', partition: 0 }])
    assert.is(typeof listed?.['startTimestamp'], 'number')
    assert.equal(await besideRows(['transactions', 'list', '--open-for', '3600000']), [])
    const [described] = await besideRows(['transactions', 'describe', 'id'])
    assert.equal(described?.['partitions'], [{ topic: 't', partition: 0 }])
    const producers = await besideRows(['transactions', 'producers', 't'])
    assert.equal(
      producers.map((each) => [each['transactionalId'], each['currentTransactionStartOffset']]).sort(),
      [
        [null, null],
        ['id', 3],
      ].sort(),
    )
    assert.match((await cli.runBeside(['groups', 'describe', 'g'])).out, /g: Stable, generation 1, 1 member\n┌/)

    const refused = await cli.runBeside(['groups', 'reset', 'g', '--to-earliest', '--json'])
    assert.equal([refused.status, rows(refused.err)[0]?.['error']], [2, 'NON_EMPTY_GROUP'])
    assert.equal(await besideRows(['transactions', 'abort', 'id']), [{ transactionalId: 'id', aborted: true }])
    assert.is((await besideRows(['groups', 'describe', 'g']))[1]?.['heldBackBy'], null)
    assert.equal(await besideRows(['transactions', 'fence', 'id']), [{ transactionalId: 'id', fenced: true }])
    assert.is(log.role, 'holder')
  } finally {
    await log.close()
  }
})

test('a group is listed with all partitions that its lag counts, and described with the members that have none', async () => {
  const log = await open(cli.log)
  try {
    await log.admin.createTopic('wide', { partitions: 2 })
    await log.producer().send([0, 1].map((partition) => ({ topic: 'wide', partition, value: 'x' })))
    const members = [1, 2, 3].map(() => log.consumer({ groupId: 'three', topics: ['wide'] }))
    await Promise.all(members.map((member) => member.lag()))
    const listed = (await besideRows(['groups'])).find(({ groupId }) => groupId === 'three')
    assert.equal([listed?.['members'], listed?.['partitions'], listed?.['lag']], [3, 2, 2])
    const [, ...places] = await besideRows(['groups', 'describe', 'three'])
    assert.equal(
      places.map(({ topic, partition, lag }) => [topic, partition, lag]),
      [
        ['wide', 0, 1],
        ['wide', 1, 1],
        [null, null, null],
      ],
    )
    assert.is(new Set(places.map(({ memberId }) => memberId)).size, 3)
    await Promise.all(members.map((member) => member.close()))
    await log.admin.deleteGroup('three')
  } finally {
    await log.close()
  }
})

test('at rest: reset with --dry-run first, then for good; delete', () => {
  const moved = (words: readonly string[]) => {
    const { status, out, err } = cli.run(['groups', 'reset', 'g', ...words, '--json'])
    assert.is(status, 0, err)
    return rows(out).map((row) => [row['before'], row['nextOffset']])
  }
  assert.equal(moved(['--shift-by', '1', '--dry-run']), [[1, 2]])
  assert.equal(moved(['--shift-by', '1', '--topic', 't:0']), [[1, 2]])
  assert.equal(moved(['--shift-by', '-5']), [[2, 0]])
  assert.equal(moved(['--to-offset', '2', '--topic', 't']), [[0, 2]])
  assert.equal(moved(['--to-earliest']), [[2, 0]])
  assert.equal(moved(['--to-time', '2020-01-01T00:00Z']), [[0, 0]])
  const [[, latest] = []] = moved(['--to-latest'])
  assert.ok(Number(latest) >= 3)
  assert.equal(moved(['--by-duration', 'P1D', '--dry-run']), [[latest, 0]], 'a day ago nothing was there yet')
  assert.equal(
    moved(['--by-duration', 'pt0.001s', '--dry-run']),
    [[latest, latest]],
    'the last millisecond saw nothing',
  )
  for (const words of [
    [],
    ['--to-earliest', '--to-latest'],
    ['--to-latest', '--topic', 't:x'],
    ['--by-duration', 'PT1H', '--to-latest'],
    ['--by-duration', '1H'],
  ]) {
    assert.is(cli.run(['groups', 'reset', 'g', ...words]).status, 2, words.join(' '))
  }
  assert.is(cli.run(['groups', 'delete', 'g']).out, 'deleted group g\n')
  assert.is(cli.run(['groups', 'describe', 'g']).status, 2)
  assert.is(cli.run(['groups']).out, 'no groups\n')
})

test('at rest: transactions are listed, and Kafka names what is wrong', () => {
  const [id] = rows(cli.run(['transactions', '--json']).out)
  assert.equal([id?.['transactionalId'], id?.['state'], id?.['startTimestamp']], ['id', 'Empty', null])
  assert.match(cli.run(['transactions']).out, /│ transactionalId │ state │/)
  for (const [words, code] of [
    [['transactions', 'abort', 'id'], 'INVALID_TXN_STATE'],
    [['transactions', 'abort', 'no'], 'TRANSACTIONAL_ID_NOT_FOUND'],
    [['transactions', 'describe', 'no'], 'TRANSACTIONAL_ID_NOT_FOUND'],
    [['groups', 'delete', 'no'], 'GROUP_ID_NOT_FOUND'],
  ] as const) {
    const { status, err } = cli.run([...words, '--json'])
    assert.equal([status, rows(err)[0]?.['error']], [2, code], words.join(' '))
  }
})

test('share groups: beside a holder with their locks, at rest moved and deleted', async () => {
  const log = await open(cli.log)
  try {
    const consumer = log.shareConsumer({ groupId: 'mailers', topics: ['t'], maxRecords: 1 })
    const [held] = await take(consumer, 1)
    const [group] = await besideRows(['share-groups'])
    // Three records, an aborted one and its marker.
    assert.equal(group, { groupId: 'mailers', partitions: 1, lag: 5, acquired: 1 })
    const refused = await cli.runBeside(['share-groups', 'delete', 'mailers', '--json'])
    assert.equal([refused.status, rows(refused.err)[0]?.['error']], [2, 'NON_EMPTY_GROUP'])
    await consumer.acknowledge(held!, 'accept')
    await consumer.close()
  } finally {
    await log.close()
  }
  const [place] = rows(cli.run(['share-groups', 'describe', 'mailers', '--json']).out)
  assert.equal(place, { groupId: 'mailers', topic: 't', partition: 0, startOffset: 1, lag: 4, acquired: 0 })
  const [moved] = rows(cli.run(['share-groups', 'reset', 'mailers', '--to-earliest', '--json']).out)
  assert.equal([moved?.['before'], moved?.['nextOffset']], [1, 0])
  assert.is(cli.run(['share-groups', 'delete', 'mailers']).out, 'deleted share group mailers\n')
  assert.is(cli.run(['share-groups', 'describe', 'mailers']).status, 2)
  assert.is(cli.run(['share-groups']).out, 'no share groups\n')
})

test('all help, with examples', () => {
  for (const command of ['groups', 'share-groups', 'transactions']) {
    assert.match(cli.run([command, '--help']).out, /Examples:\n {2}oncelog/, command)
  }
})

test.run()
