// Beside a program that has the log open, into a pipe that closes, and at SIGINT.

import { once } from 'node:events'
import { existsSync, readdirSync, readlinkSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { open } from '../../bindings/entry/node.ts'
import { until } from '../until.ts'
import { CommandLine, ended, rows, type Said } from './support.ts'

const cli = new CommandLine()
test.after(() => cli.remove())

const COUNT = 30_000

test('commands that only read work beside a holder that goes on; others work through it', async () => {
  const log = await open(cli.log)
  try {
    await log.admin.createTopic('t', { partitions: 2 })
    const producers = [log.producer(), log.producer({ acks: 1 })]
    let sent = 0
    const isOver = { value: false }
    const busy = async () => {
      while (!isOver.value) {
        for (const producer of producers) {
          await producer.send(
            Array.from({ length: 50 }, (_, index) => ({ topic: 't', key: `${index}`, value: 'x'.repeat(100) })),
          )
          sent += 50
        }
      }
    }
    const producing = busy()
    try {
      for (const words of [['verify'], ['consume', 't'], ['topics', 'describe', 't'], ['verify']]) {
        const before = sent
        const { status, out, err } = await cli.runBeside([...words, '--json'])
        assert.is(status, 0, out.slice(0, 2000) + err)
        if (words[0] === 'consume') assert.ok(rows(out).length >= before, `${rows(out).length} of ${before}`)
      }
    } finally {
      isOver.value = true
      await producing
    }
    const grouped = await cli.runBeside(['consume', 't', '--group', 'g', '--max', '3', '--json'])
    assert.is(grouped.status, 0, grouped.err)
    assert.is(rows(grouped.out).length, 3)
    const produced = await ended(cli.start(['produce', 't', '--file', 'LICENSE', '--json']))
    assert.is(produced.status, 0, produced.err)
  } finally {
    await log.close()
  }
})

test('a reader that has enough is no error, and what it may not have seen comes again', async () => {
  const values = Array.from({ length: COUNT }, (_, index) => `value ${index} ${'y'.repeat(40)}`)
  cli.run(['topics', 'create', 'long'])
  cli.run(['produce', 'long'], values.join('\n'))
  const child = cli.start(['consume', 'long', '--group', 'g', '--json'])
  child.stdin?.end()
  await once(child.stdout as NodeJS.ReadableStream, 'data')
  child.stdout?.destroy()
  const { status, err } = await ended(child)
  assert.is(status, 0)
  assert.is(err, '')
  const rest = rows(cli.run(['consume', 'long', '--group', 'g', '--json']).out)
  assert.ok(rest.length > 0 && rest.length <= COUNT)
  assert.is(rest.at(-1)?.['value'], values.at(-1))
  assert.is(rest[0]?.['offset'], COUNT - rest.length, 'nothing between is left out')
})

test('--follow shows what comes later; SIGINT ends it cleanly, with 130', async () => {
  cli.run(['topics', 'create', 'tail'])
  cli.run(['produce', 'tail'], 'old\n')
  const child = cli.start(['consume', 'tail', '--from', 'latest', '--follow', '--json'])
  const said = ended(child)
  const log = await open(cli.log)
  try {
    const producer = log.producer({ acks: 1 })
    let out = ''
    child.stdout?.on('data', (chunk: Buffer) => {
      out += chunk.toString('utf8')
    })
    // Records from before it follows the topic aren't shown, so more are sent until it shows one.
    while (out === '') {
      await producer.send({ topic: 'tail', value: 'new' })
      await new Promise((resume) => setTimeout(resume, 200))
    }
  } finally {
    await log.close()
  }
  child.kill('SIGINT')
  const { status, out, err } = await said
  assert.is(status, 130, err)
  const shown = rows(out)
  assert.ok(shown.every(({ value }) => value === 'new'))
  assert.equal(
    shown.map(({ offset }) => offset),
    shown.map((_, index) => Number(shown[0]?.['offset']) + index),
    'each once, none left out',
  )
})

/** `consume --follow`, and what it wrote so far. */
function following(topic: string): { values: () => unknown[]; said: Promise<Said>; stop: () => Promise<Said> } {
  const child = cli.start(['consume', topic, '--follow', '--json'])
  const said = ended(child)
  let out = ''
  child.stdout?.on('data', (chunk: Buffer) => {
    out += chunk.toString('utf8')
  })
  const values = () => rows(out.slice(0, out.lastIndexOf('\n') + 1)).map(({ value }) => value)
  const stop = () => {
    child.kill('SIGINT')
    return said
  }
  return { values, said, stop }
}

test('--follow is told by the holder: what is open in a transaction comes when it is committed, not before', async () => {
  const log = await open(cli.log)
  try {
    await log.admin.createTopic('told', { partitions: 2 })
    const producer = log.producer()
    await producer.send({ topic: 'told', partition: 0, value: 'first' })
    const { values, stop } = following('told')
    await until(() => values().length === 1)
    const transaction = await log.producer({ transactionalId: 'told' }).beginTransaction()
    await transaction.send({ topic: 'told', partition: 0, value: 'open' })
    await producer.send({ topic: 'told', partition: 1, value: 'beside' })
    await until(() => values().length === 2)
    await transaction.commit()
    await until(() => values().length === 3)
    assert.equal(values(), ['first', 'beside', 'open'])
    assert.is((await stop()).status, 130)
  } finally {
    await log.close()
  }
})

test('--follow goes on from one holder to the next, with those that let nobody attach between them', async () => {
  cli.run(['topics', 'create', 'handed', '--partitions', '2'])
  const { values, stop } = following('handed')
  let sent = 0
  for (const exclusive of [false, true, false]) {
    const log = await open(cli.log, { exclusive })
    try {
      const producer = log.producer({ acks: 1 })
      for (let count = 0; count < 2; count++) {
        await producer.send({ topic: 'handed', value: `${sent++}` })
        await until(() => values().length === sent)
      }
    } finally {
      await log.close()
    }
  }
  assert.equal(
    values(),
    Array.from({ length: sent }, (_, index) => `${index}`),
  )
  const { status, err } = await stop()
  assert.equal([status, err], [130, ''])
})

test('SIGINT while records come in: what was read is written, and the log is closed', async () => {
  cli.run(['topics', 'create', 'typed'])
  const child = cli.start(['produce', 'typed', '--json'])
  const said = ended(child)
  child.stdin?.write('one\ntwo\n')
  while (rows(cli.run(['consume', 'typed', '--json']).out).length < 2) {}
  child.kill('SIGINT')
  const { status, out } = await said
  assert.is(status, 130)
  assert.equal(rows(out), [{ topic: 'typed', records: 2 }])
  const again = await open(cli.log)
  assert.ok(again.recovery.clean)
  await again.close()
})

test('SIGINT while a backup waits for the log: nothing is copied', async () => {
  const holder = await open(cli.log, { exclusive: true })
  const target = join(cli.home, 'copy')
  const child = cli.start(['backup', cli.log, target])
  const said = ended(child)
  await until(() => filesOf(child.pid).includes(join(cli.log, '.lock')))
  child.kill('SIGINT')
  await holder.close()
  const { status, out, err } = await said
  assert.equal([status, out, err, existsSync(target)], [130, '', '', false])
})

/** The paths of a process's open files. */
function filesOf(pid: number | undefined): string[] {
  const directory = `/proc/${pid}/fd`
  return readdirSync(directory).map((descriptor) => {
    try {
      return readlinkSync(join(directory, descriptor))
    } catch {
      // Closed since it was listed.
      return ''
    }
  })
}

test('--follow ends with its topic: of another one of the name it left out as many records as it had shown', async () => {
  const made = () => {
    assert.is(cli.run(['topics', 'create', 'again']).status, 0)
    assert.is(cli.run(['produce', 'again'], 'a\nb\nc').status, 0)
  }
  made()
  const { values, said, stop } = following('again')
  await until(() => values().length === 3)
  const log = await open(cli.log, { exclusive: true })
  await log.admin.deleteTopic('again')
  await log.admin.createTopic('again')
  await log.producer().send(['d', 'e', 'f', 'g'].map((value) => ({ topic: 'again', value })))
  await log.close()
  let isOver = false
  const over = said.then(() => {
    isOver = true
  })
  await until(() => isOver || values().length > 3)
  const { status, err } = await stop()
  await over
  assert.equal(values(), ['a', 'b', 'c'])
  assert.is(status, 2, err)
  assert.match(err, /UNKNOWN_TOPIC_ID/)
})

test.run()
