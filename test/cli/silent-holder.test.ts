// Beside a program that goes away, or is stopped, after it has greeted a command: each command ends, and says who that
// was or shows what the files hold.
import { rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { BrokerLog } from '../../bindings/client/log.ts'
import type { Channel } from '../../bindings/engine/remote/channel.ts'
import { listenForAttached } from '../../bindings/engine/remote/local-socket.ts'
import { ServedChannel } from '../../bindings/engine/remote/served-channel.ts'
import { openHeld } from '../../bindings/entry/embedded/embedded-log.ts'
import { nodePort } from '../../bindings/entry/embedded/node-port.ts'
import { createDirectoryStore } from '../../bindings/storage/drivers/node-fs.ts'
import { take } from '../client/support.ts'
import { hearing } from '../remote/support.ts'
import { scratchDirectory } from '../scratch.ts'
import { rows, type Said } from './support.ts'
import { CommandThread } from './thread/command-thread.ts'

const RECORDS = 3
/** Of a command that waits in vain. The thread has none after it. */
const LIMIT_MS = 20_000
let endless: Error | undefined

/** Six seconds pass in one and a fifth. */
const thread = await CommandThread.start(5)
const home = scratchDirectory('silent-holder')
const [directory, lines] = [join(home, 'log'), join(home, 'lines')]
const { broker, recovery } = await openHeld(createDirectoryStore(directory), nodePort, {}, { directory })
/** What the holder does with a request, by its method. */
let hears: (method: string, channel: Channel) => boolean = () => true
const listener = await listenForAttached(directory, (channel) => {
  const heard = hearing(channel, (method) => hears(method, channel))
  new ServedChannel(heard, broker, recovery, new Set())
})

test.before(async () => {
  const log = new BrokerLog(broker, nodePort)
  await log.admin.createTopic('t')
  await log.producer().send(Array.from({ length: RECORDS }, (_, index) => ({ topic: 't', value: `${index}` })))
  const consumer = log.consumer({ groupId: 'g', topics: ['t'] })
  const [record] = await take(consumer, 1)
  await consumer.commit(record!)
  await consumer.close()
})

test.after(async () => {
  listener.close()
  await broker.close()
  rmSync(home, { recursive: true, force: true })
})

async function said(words: readonly string[]): Promise<Said> {
  if (endless !== undefined) throw endless
  let timer: NodeJS.Timeout | undefined
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => {
      endless = new Error(`${words.join(' ')} goes on and on`)
      reject(endless)
    }, LIMIT_MS)
  })
  try {
    return await Promise.race([thread.run(['--dir', directory, ...words], ''), late])
  } finally {
    clearTimeout(timer)
  }
}

const NAMED = `NETWORK_EXCEPTION: .* is held by process ${process.pid} .*, which gave no sign of life for 5 s: continue it`

test('a command that changes the log says which process gives no sign of life, and what to do, and ends', async () => {
  let looks = 0
  hears = (method) => {
    if (method === 'wake') looks++
    return method !== 'createTopic' && method !== 'wake'
  }
  const { status, out, err } = await said(['topics', 'create', 'new'])
  assert.equal([status, out], [1, ''], err)
  assert.match(err, new RegExp(`${NAMED} \\(kill -CONT\\) .*\n.*look whether it was done`))
  assert.is(looks, 1, 'its close looks no more')
})

test('so does a member of a group that waits for records', async () => {
  hears = (method) => method !== 'poll' && method !== 'wake'
  const { status, err } = await said(['consume', 't', '--group', 'g'])
  assert.is(status, 1)
  assert.match(err, new RegExp(NAMED))
})

test('produce says besides how many records it has written', async () => {
  let appends = 0
  hears = (method) => method !== 'wake' && (method !== 'append' || ++appends <= 1)
  writeFileSync(lines, `${'x'.repeat(99)}\n`.repeat(5000))
  const { status, out, err } = await said(['produce', 't', '--file', lines])
  assert.equal([status, out], [1, ''])
  assert.match(err, new RegExp(`${NAMED}.*; [0-9]+ records of the input were written`))
})

for (const [fate, does] of [
  ['gives no sign of life', () => false],
  ['goes away', (channel: Channel) => channel.end()],
] as const) {
  test(`groups and transactions are shown as the files have them where the holder ${fate}`, async () => {
    hears = (method, channel) => method === 'hello' || does(channel) === true
    const { status, out, err } = await said(['groups', '--json'])
    assert.equal([status, err], [0, ''])
    assert.equal(
      rows(out).map(({ groupId, state }) => [groupId, state]),
      [['g', 'Empty']],
    )
  })
}

test('--follow reads the files where the holder has greeted it and no more', async () => {
  let greeted = 0
  hears = (method) => method === 'hello' && greeted++ === 0
  const { status, out, err } = await said(['consume', 't', '--follow', '--max', `${RECORDS}`, '--json'])
  assert.equal([status, err], [0, ''])
  assert.equal(
    rows(out).map(({ offset }) => offset),
    [0, 1, 2],
  )
})

test.run()
