// A file system that ignores case, such as a mounted share or another system's directory: once, the first send to topic
// `orders` removed the directory of topic `Orders`, with all that was acknowledged.
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { openLog } from '../../../bindings/entry/embedded/embedded-log.ts'
import { nodePort } from '../../../bindings/entry/embedded/node-port.ts'
import { LogError } from '../../../bindings/model/errors.ts'
import { Random } from '../../../bindings/testkit/simulation/random.ts'
import { SyncHost } from '../../../bindings/testkit/simulation/sync-host.ts'
import { VirtualDisk } from '../../../bindings/testkit/simulation/virtual-disk.ts'
import { salvagedInto } from '../../salvage/run.ts'

class FoldingDisk extends VirtualDisk {
  override open(path: string, options: { readonly create: boolean }) {
    return super.open(path.toLowerCase(), options)
  }
  override list(directory: string) {
    return super.list(directory.toLowerCase())
  }
  override rename(from: string, to: string) {
    super.rename(from.toLowerCase(), to.toLowerCase())
  }
  override remove(path: string) {
    super.remove(path.toLowerCase())
  }
  override syncDirectory(directory: string) {
    super.syncDirectory(directory.toLowerCase())
  }
}

const NAMES = ['Orders', 'orders', 'oRders']
const idOf = (index: number) => `AAAAAAAAAAAAAAAAAAAA${'BCD'[index]}g`

function hostOf(disk: VirtualDisk, order?: Random): SyncHost<VirtualDisk> {
  const host = new SyncHost(disk, { order })
  host.open()
  for (const [index, name] of NAMES.entries()) host.createTopic(idOf(index), name, 1, {})
  return host
}

function sendTo(host: SyncHost<VirtualDisk>, topic: string) {
  const place = { topic, partition: 0, producerId: host.openProducer(), producerEpoch: 0, baseSequence: 0 }
  return { ...place, values: [`of ${topic}`], acks: 'all' } as const
}

const found = (host: SyncHost<VirtualDisk>, topic: string) => host.fetchAll(topic, 0).map(({ value }) => value)
const codeOf = (error: unknown) => (LogError.is(error) ? error.code : error)

test('names that differ in upper and lower case alone: the first topic keeps its records, the other ones are refused', () => {
  const host = hostOf(new FoldingDisk())
  const sent = NAMES.map((name) => {
    const asked = host.send(sendTo(host, name))
    host.settle()
    return codeOf(asked.error)
  })
  assert.equal(sent, [undefined, 'INVALID_TOPIC_EXCEPTION', 'INVALID_TOPIC_EXCEPTION'])
  assert.equal(found(host, 'Orders'), ['of Orders'])
  host.ask<void>((done) => ({ kind: 'deleteTopic', name: 'Orders', done }))
  const after = host.send(sendTo(host, 'oRders'))
  host.settle()
  assert.is(after.error, undefined)
  assert.equal(found(host, 'oRders'), ['of oRders'])
  host.close()
})

test('at the same moment, in many orders: one of them has the directory', () => {
  for (let seed = 1; seed <= 20; seed++) {
    const host = hostOf(new FoldingDisk(), new Random(seed))
    const requests = NAMES.map((name) => sendTo(host, name))
    const sent = requests.map((request) => host.send(request))
    host.settle()
    const taken = NAMES.filter((_, index) => sent[index]?.error === undefined)
    assert.is(taken.length, 1, `seed ${seed}: ${taken}`)
    assert.equal(found(host, taken[0] ?? ''), [`of ${taken[0]}`])
    host.discard()
  }
})

test('where the cases are told apart all of them have one', () => {
  for (let seed = 1; seed <= 20; seed++) {
    const host = hostOf(new VirtualDisk(), new Random(seed))
    const requests = NAMES.map((name) => sendTo(host, name))
    for (const request of requests) host.send(request)
    host.settle()
    for (const name of NAMES) assert.equal(found(host, name), [`of ${name}`])
    host.discard()
  }
})

test('a backup to such a file system is refused, and is no log', async () => {
  const host = hostOf(new VirtualDisk())
  for (const name of NAMES) host.send(sendTo(host, name))
  host.settle()
  const store = new FoldingDisk()
  const backup = host.start<void>((done) => ({ kind: 'backup', target: { store, link: () => false }, done }))
  host.settle()
  assert.is(codeOf(backup.error), 'INVALID_TOPIC_EXCEPTION')
  assert.is(await openLog(store.reopened(), nodePort, {}).catch(codeOf), 'COPY_UNFINISHED')
  host.discard()
})

test('a salvage onto such a file system is refused, and is no log', async () => {
  const disk = new VirtualDisk()
  const host = hostOf(disk)
  for (const name of NAMES) host.send(sendTo(host, name))
  host.settle()
  host.close()
  host.discard()
  const target = new FoldingDisk()
  assert.is(await salvagedInto(disk.reopened(), target).catch(codeOf), 'INVALID_TOPIC_EXCEPTION')
  assert.is(await openLog(target.reopened(), nodePort, {}).catch(codeOf), 'COPY_UNFINISHED')
})

test.run()
