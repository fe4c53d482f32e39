// What comes while a commit opens the table that it needs goes into its frame only if the journal has room for it.
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import type { IssuedEffect } from '../../bindings/engine/task-runner.ts'
import type { SyncHost } from '../../bindings/testkit/simulation/sync-host.ts'
import { VirtualDisk } from '../../bindings/testkit/simulation/virtual-disk.ts'
import { opened } from './storages.ts'

const TOPIC_ID = 'AAAAAAAAAAAAAAAAAAAAAg'
const PARTITIONS = 100
/** Bytes of decisions for which the journal has no room any more when the story begins. */
const DECISION_BYTES = 6000

/** The checkpoint that the journal waits for takes until it is let go. */
function heldCheckpoint({ engine }: SyncHost): () => void {
  const take = engine.take.bind(engine)
  const held: IssuedEffect[] = []
  const isOfCheckpoint = ({ effect }: IssuedEffect) => effect.target.startsWith('checkpoint/')
  engine.take = () => {
    const issued = take()
    held.push(...issued.filter(isOfCheckpoint))
    return issued.filter((each) => !isOfCheckpoint(each))
  }
  return () => {
    engine.take = () => [...held.splice(0), ...take()]
  }
}

/** `steps`: how far the commit of the first offset is when the others and large batches come. */
function story(steps: number) {
  const host = opened(new VirtualDisk())
  host.createTopic(TOPIC_ID, 't', PARTITIONS, {})
  const producerId = host.openProducer()
  const send = (partition: number, baseSequence: number, value: string) => {
    const place = { topic: 't', partition, producerId, producerEpoch: 0, baseSequence }
    return host.send({ ...place, values: [value], acks: 'all' })
  }
  for (const partition of [1, 2, 3]) send(partition, 0, 'x')
  host.settle()
  const letGo = heldCheckpoint(host)
  for (let sequence = 0; host.engine.store.canCommit(DECISION_BYTES); sequence++) {
    send(0, sequence, 'x')
    host.settle()
  }
  const setOffsets = (groupId: string, count: number) => {
    const offsets = Array.from({ length: count }, (_, partition) => ({ topicId: TOPIC_ID, partition, nextOffset: 0 }))
    return host.start<void>((done) => ({ kind: 'setOffsets', groupId, offsets, done }))
  }
  const first = setOffsets('g', 1)
  for (let step = 0; step < steps; step++) host.advance()
  const others = [
    setOffsets('h'.repeat(200), 26),
    ...[1, 2, 3].map((partition) => send(partition, 1, 'x'.repeat(5000))),
  ]
  host.settle()
  const isLate = others.every(({ answered }) => !answered)
  letGo()
  host.settle()
  return { asked: [first, ...others], isLate }
}

test('what comes while a table is being opened, and finds no room, waits for the checkpoint', () => {
  let late = 0
  for (let steps = 0; steps < 12; steps++) {
    const { asked, isLate } = story(steps)
    if (isLate) late++
    for (const { answered, error } of asked) assert.equal([answered, error], [true, undefined], `after ${steps} steps`)
  }
  assert.is(late, 12)
})

test.run()
