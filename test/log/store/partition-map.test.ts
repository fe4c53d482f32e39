import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { PartitionMap } from '../../../bindings/log/store/partition-map.ts'

test('what was set is there until it is deleted, a topic until its last partition is', () => {
  const map = new PartitionMap<string>()
  map.set({ topicId: 'a', partition: 2 }, 'a-2')
  map.set({ topicId: 'a', partition: 2 }, 'a-2 again')
  map.set({ topicId: 'a', partition: 0 }, 'a-0')
  map.set({ topicId: 'b', partition: 0 }, 'b-0')
  map.delete({ topicId: 'a', partition: 0 })
  map.delete({ topicId: 'a', partition: 0 })
  map.delete({ topicId: 'a', partition: 1 })
  map.delete({ topicId: 'c', partition: 0 })
  assert.equal([...map.values()], ['a-2 again', 'b-0'])
  map.delete({ topicId: 'a', partition: 2 })
  assert.is(map.get({ topicId: 'a', partition: 2 }), undefined)
  assert.equal([...map.values()], ['b-0'])
})

test('to delete one partition looks at no other: a topic of 100,000 goes in a moment', () => {
  const partitions = 100_000
  const map = new PartitionMap<number>()
  for (let partition = 0; partition < partitions; partition++) map.set({ topicId: 'a', partition }, partition)
  const begin = process.cpuUsage()
  for (let partition = 0; partition < partitions; partition++) map.delete({ topicId: 'a', partition })
  const { user } = process.cpuUsage(begin)
  assert.equal([...map.values()], [])
  // A look at all of them each time takes a hundred times as long.
  assert.ok(user < 500_000, `${user} µs of CPU`)
})

test.run()
