// Transactions of a program, as one call around its work (`transaction`) or by hand (`beginTransaction`): when they
// commit, abort or run again, and what each tells its caller. Offsets in them are in transaction-offsets.test.ts.
import * as assert from 'uvu/assert'
import {
  type EmbeddedLog,
  type ErrorCode,
  LogError,
  type Transaction,
  type TransactionScope,
  string as text,
  topic,
} from '../../bindings/entry/node.ts'
import { type OpenLog, test } from './stores.ts'
import { failure, gate } from './support.ts'

const input = topic('input', { value: text, partitions: 1 })
const output = topic('output', { value: text, partitions: 3 })

async function withLog(open: OpenLog, run: (log: EmbeddedLog) => Promise<void>): Promise<void> {
  const log = await open({ topics: [input, output] })
  try {
    await run(log)
  } finally {
    await log.close()
  }
}

async function values(log: EmbeddedLog, isolationLevel?: 'read_uncommitted'): Promise<string[]> {
  const seen: string[] = []
  for await (const { value } of log.read(output, { until: 'end', isolationLevel })) seen.push(value ?? '')
  return seen.sort()
}

function inPartition(partition: number, value: string) {
  return { topic: 'output', partition, value }
}

async function refused(promise: Promise<unknown>): Promise<unknown> {
  return promise.then(
    () => undefined,
    (error: unknown) => error,
  )
}

test('transaction: what was sent becomes visible together, with what work gave', (open) =>
  withLog(open, async (log) => {
    const producer = log.producer({ transactionalId: 'id' })
    const given = await producer.transaction(async (transaction) => {
      const { offset } = await transaction.send(inPartition(0, 'a'))
      assert.is(offset, 0)
      const many = await transaction.send([inPartition(1, 'b'), inPartition(2, 'c')])
      assert.equal(
        many.map(({ partition }) => partition),
        [1, 2],
      )
      assert.equal(await values(log), [])
      return 7
    })
    assert.is(given, 7)
    assert.equal(await values(log), ['a', 'b', 'c'])
  }))

test('transaction: awaits every send made inside', (open) =>
  withLog(open, async (log) => {
    const producer = log.producer({ transactionalId: 'id', lingerMs: 5 })
    const unawaited: unknown[] = []
    await producer.transaction(async (transaction) => {
      for (let index = 0; index < 20; index++) unawaited.push(transaction.send(inPartition(index % 3, `${index}`)))
    })
    assert.is((await values(log)).length, 20)
  }))

test('a transaction that ends has sends wait for no more records, whatever their lingerMs', (open) =>
  withLog(open, async (log) => {
    const producer = log.producer({ transactionalId: 'id', lingerMs: 1_000_000 })
    const transaction = await producer.beginTransaction()
    const sent = transaction.send(inPartition(0, 'a'))
    await transaction.commit()
    await sent
    const aborted = await producer.beginTransaction()
    const dropped = aborted.send(inPartition(0, 'b'))
    await aborted.abort()
    await dropped
    assert.equal(await values(log), ['a'])
  }))

test('transaction: aborts if work threw, and rethrows unchanged', (open) =>
  withLog(open, async (log) => {
    const producer = log.producer({ transactionalId: 'id' })
    const thrown = { not: 'even an error' }
    const error = await refused(
      producer.transaction(async (transaction) => {
        await transaction.send(inPartition(0, 'a'))
        throw thrown
      }),
    )
    assert.is(error, thrown)
    assert.equal(await values(log), [])
    await producer.transaction((transaction) => transaction.send(inPartition(0, 'b')))
    assert.equal(await values(log), ['b'])
  }))

test('transaction: a send that one partition refuses rejects with that error, since nothing of it counts', (open) =>
  withLog(open, async (log) => {
    await log.admin.createTopic('timed', { config: { 'message.timestamp.before.max.ms': 1000 } })
    const records = ['output', 'timed'].map((name) => ({ topic: name, partition: 0, value: 'x', timestamp: 5 }))
    const inside: unknown[] = []
    const work = async (transaction: TransactionScope) => {
      inside.push(await refused(transaction.send(records)))
    }
    const error = await failure('INVALID_TIMESTAMP', () => log.producer({ transactionalId: 'id' }).transaction(work))
    assert.equal(inside, [error])
    assert.equal(await values(log), [])
  }))

test('transaction: aborts if a send failed that nobody awaited, with its error', (open) =>
  withLog(open, async (log) => {
    const producer = log.producer({ transactionalId: 'id' })
    const unawaited: unknown[] = []
    await failure('UNKNOWN_TOPIC_OR_PARTITION', () =>
      producer.transaction(async (transaction) => {
        await transaction.send(inPartition(0, 'a'))
        unawaited.push(transaction.send({ topic: 'missing', value: 'x' }))
      }),
    )
    await failure('INVALID_RECORD', () =>
      producer.transaction(async (transaction) => {
        await refused(transaction.send({ topic: 'output', value: 5 as never }))
        await transaction.send(inPartition(0, 'a'))
      }),
    )
    assert.equal(await values(log), [])
  }))

test('transaction: runs work again only if asked, and not after misuse', (open) =>
  withLog(open, async (log) => {
    const producer = log.producer({ transactionalId: 'id' })
    const attempts: number[] = []
    const failing =
      (until: number) =>
      async (transaction: TransactionScope, { attempt }: { attempt: number }) => {
        attempts.push(attempt)
        await transaction.send(inPartition(0, `attempt ${attempt}`))
        if (attempt < until) throw new Error('again')
      }
    await refused(producer.transaction(failing(2)))
    assert.equal(attempts.splice(0), [1])
    await producer.transaction(failing(3), { retries: 2 })
    assert.equal(attempts.splice(0), [1, 2, 3])
    assert.equal(await values(log), ['attempt 3'])
    await failure('INVALID_RECORD', () =>
      producer.transaction(
        (transaction, { attempt }) => {
          attempts.push(attempt)
          return transaction.send({ topic: 'output', value: 5 as never })
        },
        { retries: 3 },
      ),
    )
    assert.equal(attempts, [1])
  }))

test('transaction: whether it is run again depends on the error’s category: not if another run could not succeed', (open) =>
  withLog(open, async (log) => {
    const runsOf = async (code: ErrorCode) => {
      let runs = 0
      const producer = log.producer({ transactionalId: 'id' })
      const error = new LogError(code, 'by the test')
      const running = producer.transaction(
        async () => {
          runs++
          throw error
        },
        { retries: 1 },
      )
      assert.is(await refused(running), error)
      return runs
    }
    for (const code of ['PRODUCER_FENCED', 'KAFKA_STORAGE_ERROR', 'CORRUPT_MESSAGE', 'INVALID_REQUEST'] as const)
      assert.is(await runsOf(code), 1, code)
    const passing = [
      'CONCURRENT_TRANSACTIONS',
      'TRANSACTION_ABORTABLE',
      'ILLEGAL_GENERATION',
      'NETWORK_EXCEPTION',
    ] as const
    for (const code of passing) assert.is(await runsOf(code), 2, code)
  }))

test('transaction: its signal aborts when the run is over, whether it was asked for before or after', (open) =>
  withLog(open, async (log) => {
    const producer = log.producer({ transactionalId: 'id' })
    const codeOf = ({ aborted, reason }: AbortSignal) => aborted && (reason as LogError).code
    for (const isFailing of [false, true]) {
      const contexts: { signal: AbortSignal }[] = []
      let signal: AbortSignal | undefined
      const running = producer.transaction(async (_, context) => {
        contexts.push(context)
        signal = context.signal
        assert.not.ok(signal.aborted)
        if (isFailing) throw new Error('by the test')
      })
      await running.catch(() => {})
      assert.is(codeOf(signal!), 'INVALID_TXN_STATE')
      const later = producer.transaction(async (_, context) => {
        contexts.push(context)
      })
      await later
      assert.is(codeOf(contexts[1]!.signal), 'INVALID_TXN_STATE')
    }
  }))

test('transaction: an aborted signal ends it with its reason, though work still runs', (open) =>
  withLog(open, async (log) => {
    const producer = log.producer({ transactionalId: 'id' })
    const controller = new AbortController()
    const reason = new Error('enough')
    const { opened, open } = gate()
    let late: unknown
    const running = producer.transaction(
      async (transaction, { signal }) => {
        await transaction.send(inPartition(0, 'a'))
        controller.abort(reason)
        assert.ok(signal.aborted)
        await opened
        late = await refused(transaction.send(inPartition(0, 'late')))
      },
      { signal: controller.signal, retries: 5 },
    )
    assert.is(await refused(running), reason)
    open()
    await new Promise((resolve) => setImmediate(resolve))
    assert.is((late as { code?: string }).code, 'INVALID_TXN_STATE')
    assert.equal(await values(log), [])
    assert.is(await refused(producer.beginTransaction({ signal: controller.signal })), reason)
  }))

test('transaction: work that hangs is told by its signal when transactionTimeoutMs is over, and so is the caller', (open) =>
  withLog(open, async (log) => {
    const producer = log.producer({ transactionalId: 'id', transactionTimeoutMs: 20 })
    const { opened, open } = gate()
    let heard: unknown
    let late: unknown
    const running = producer.transaction(async (transaction, { signal }) => {
      signal.addEventListener('abort', () => {
        heard = signal.reason
      })
      await transaction.send(inPartition(0, 'a'))
      await opened
      late = await refused(transaction.send(inPartition(0, 'late')))
    })
    await failure('TRANSACTION_ABORTABLE', () => running)
    assert.is(heard, await refused(running))
    await producer.transaction((transaction) => transaction.send(inPartition(0, 'next')))
    open()
    await new Promise((resolve) => setImmediate(resolve))
    assert.is((late as { code?: string }).code, 'INVALID_TXN_STATE')
    assert.equal(await values(log), ['next'])
  }))

test('transaction: work that hangs is begun again where that is asked for, and shows nothing', (open) =>
  withLog(open, async (log) => {
    const producer = log.producer({ transactionalId: 'id', transactionTimeoutMs: 20 })
    const given = await producer.transaction(
      async (transaction, { attempt }) => {
        await transaction.send(inPartition(0, `run ${attempt}`))
        if (attempt === 1) await new Promise(() => {})
        return attempt
      },
      { retries: 1 },
    )
    assert.is(given, 2)
    assert.equal(await values(log), ['run 2'])
  }))

test('one transaction at a time', (open) =>
  withLog(open, async (log) => {
    const producer = log.producer({ transactionalId: 'id' })
    const transaction = await producer.beginTransaction()
    await failure('INVALID_TXN_STATE', () => producer.beginTransaction())
    await failure('INVALID_TXN_STATE', () => producer.transaction(async () => {}))
    await transaction.send(inPartition(0, 'a'))
    await transaction.commit()
    await producer.transaction(async () => {
      await failure('INVALID_TXN_STATE', () => producer.transaction(async () => {}))
    })
    assert.equal(await values(log), ['a'])
  }))

test('beginTransaction: commit, abort, and a call after the end', (open) =>
  withLog(open, async (log) => {
    const producer = log.producer({ transactionalId: 'id' })
    const first = await producer.beginTransaction()
    await first.send(inPartition(0, 'a'))
    await first.abort()
    const second = await producer.beginTransaction()
    await second.send(inPartition(0, 'b'))
    await second.commit()
    for (const transaction of [first, second]) {
      await failure('INVALID_TXN_STATE', () => transaction.send(inPartition(0, 'late')))
      await failure('INVALID_TXN_STATE', () => transaction.commit())
      await failure('INVALID_TXN_STATE', () => transaction.abort())
    }
    assert.equal(await values(log), ['b'])
    assert.equal(await values(log, 'read_uncommitted'), ['a', 'b'])
  }))

test('beginTransaction: an abort after a commit that was refused ends as the abort that came with the refusal', (open) =>
  withLog(open, async (log) => {
    const producer = log.producer({ transactionalId: 'id' })
    const byHand = async (work: (transaction: Transaction) => Promise<unknown>) => {
      const transaction = await producer.beginTransaction()
      try {
        await transaction.send(inPartition(0, 'a'))
        await work(transaction)
        await transaction.commit()
      } catch (error) {
        await transaction.abort()
        throw error
      }
    }
    const unawaited = async (transaction: Transaction) => {
      transaction.send({ topic: 'missing', value: 'x' }).catch(() => {})
    }
    await failure('UNKNOWN_TOPIC_OR_PARTITION', () => byHand(unawaited))
    await failure('TRANSACTION_ABORTABLE', () => byHand(() => log.admin.abortTransaction('id')))
    await producer.transaction((transaction) => transaction.send(inPartition(0, 'b')))
    assert.equal(await values(log), ['b'])
  }))

test('beginTransaction: an abort beside a commit waits for it, and says whether that was refused', (open) =>
  withLog(open, async (log) => {
    const producer = log.producer({ transactionalId: 'id' })
    const committed = await producer.beginTransaction()
    const whole = committed.commit()
    await failure('INVALID_TXN_STATE', () => committed.abort())
    await whole
    const failing = await producer.beginTransaction()
    failing.send({ topic: 'missing', value: 'x' }).catch(() => {})
    const cut = failure('UNKNOWN_TOPIC_OR_PARTITION', () => failing.commit())
    await failing.abort()
    await cut
    const fenced = await producer.beginTransaction()
    await log.producer({ transactionalId: 'id' }).transaction(async () => {})
    await failure('PRODUCER_FENCED', () => fenced.commit())
    await failure('PRODUCER_FENCED', () => fenced.abort())
  }))

test('beginTransaction: dispose without a commit aborts, after one it does nothing', (open) =>
  withLog(open, async (log) => {
    const producer = log.producer({ transactionalId: 'id' })
    const dropped = await producer.beginTransaction()
    await dropped.send(inPartition(0, 'a'))
    await dropped[Symbol.asyncDispose]()
    const kept = await producer.beginTransaction()
    await kept.send(inPartition(0, 'b'))
    await kept.commit()
    await kept[Symbol.asyncDispose]()
    assert.equal(await values(log), ['b'])
  }))

test('a transaction with nothing in it commits', (open) =>
  withLog(open, async (log) => {
    const producer = log.producer({ transactionalId: 'id' })
    for (let round = 0; round < 3; round++) await producer.transaction(async () => {})
    await (await producer.beginTransaction()).abort()
    await producer.transaction((transaction) => transaction.send(inPartition(0, 'a')))
    assert.equal(await values(log), ['a'])
  }))

test('a second producer of the id aborts what is open and fences the first (testFencingOn...)', (open) =>
  withLog(open, async (log) => {
    const older = log.producer({ transactionalId: 'id' })
    const open = await older.beginTransaction()
    await open.send(inPartition(0, 'a'))
    const newer = log.producer({ transactionalId: 'id' })
    await newer.transaction((transaction) => transaction.send(inPartition(0, 'b')))
    await failure('PRODUCER_FENCED', () => open.send(inPartition(0, 'c')))
    await failure('PRODUCER_FENCED', () => open.commit())
    await failure('PRODUCER_FENCED', () => older.beginTransaction())
    await failure('PRODUCER_FENCED', () => older.transaction(async () => {}))
    assert.equal(await values(log), ['b'])
    await older.close()
  }))

test('a transaction that takes too long is aborted; the next one of its producer works', (open) =>
  withLog(open, async (log) => {
    const producer = log.producer({ transactionalId: 'id', transactionTimeoutMs: 20 })
    const slow = await producer.beginTransaction()
    await slow.send(inPartition(0, 'slow'))
    while ((await log.admin.offsets([{ topic: 'output', partition: 0 }]))[0]?.highWatermark !== 2) {
      await new Promise((resolve) => setTimeout(resolve, 5))
    }
    await failure('TRANSACTION_ABORTABLE', () => slow.commit())
    await producer.transaction((transaction) => transaction.send(inPartition(0, 'next')))
    assert.equal(await values(log), ['next'])
  }))

test('close aborts what is open and refuses what comes', (open) =>
  withLog(open, async (log) => {
    const producer = log.producer({ transactionalId: 'id' })
    const { opened, open } = gate()
    const running = producer.transaction(async (transaction) => {
      await transaction.send(inPartition(0, 'a'))
      open()
      await new Promise(() => {})
    })
    await opened
    const heard = refused(running)
    await producer.close()
    assert.is(((await heard) as { code?: string }).code, 'PRODUCER_CLOSED')
    await failure('PRODUCER_CLOSED', () => producer.beginTransaction())
    assert.equal(await values(log), [])
  }))

test('close aborts a transaction that was begun by hand, durably when it resolves', (open) =>
  withLog(open, async (log) => {
    const producer = log.producer({ transactionalId: 'id' })
    const transaction = await producer.beginTransaction()
    await transaction.send(inPartition(0, 'a'))
    await producer.close()
    assert.is((await log.admin.describeTransactions(['id']))[0]?.state, 'CompleteAbort')
    await failure('INVALID_TXN_STATE', () => transaction.commit())
    assert.equal(await values(log), [])
  }))

test('wrong options are refused where they are given', (open) =>
  withLog(open, async (log) => {
    await failure('INVALID_REQUEST', () => log.producer({ transactionalId: '' }))
    await failure('INVALID_REQUEST', () => log.producer({ transactionalId: 'half a pair \ud800' }).beginTransaction())
    await failure('INVALID_REQUEST', () => log.producer({ transactionalId: 'id', lingerMs: -1 }))
    const impatient = log.producer({ transactionalId: 'id', transactionTimeoutMs: 900_001 })
    await failure('INVALID_TRANSACTION_TIMEOUT', () => impatient.beginTransaction())
    const producer = log.producer({ transactionalId: 'id' })
    await failure('INVALID_REQUEST', () => producer.transaction('work' as never))
    await failure('INVALID_REQUEST', () => producer.transaction(async () => {}, { retries: -1 }))
    await failure('INVALID_REQUEST', () =>
      producer.transaction((transaction) => transaction.sendOffsets({} as never, [])),
    )
  }))

// Between the begin and the work nobody listened: the transaction went on, and was committed.
test('an aborted signal, and a close, end a transaction however far it has come', async (open) => {
  const log = await open()
  await log.admin.createTopic('t')
  for (const end of ['abort', 'close'] as const) {
    for (let turns = 0; turns < 10; turns++) {
      const producer = log.producer({ transactionalId: end })
      // Once a transaction has ended, the producer's next one begins without waiting for the log.
      await producer.transaction((transaction) => transaction.send({ topic: 't', value: 'before' }))
      const controller = new AbortController()
      const { signal } = controller
      // Still at work when its end comes.
      const running = producer.transaction(() => new Promise((resolve) => setTimeout(resolve, 1)), { signal })
      const ended = running.then(
        () => 'committed',
        (error: LogError) => error.code,
      )
      for (let turn = 0; turn < turns; turn++) await null
      if (end === 'abort') controller.abort(new LogError('INVALID_REQUEST', 'the signal'))
      await (end === 'close' ? producer.close() : ended)
      assert.is(await ended, end === 'close' ? 'PRODUCER_CLOSED' : 'INVALID_REQUEST', `after ${turns} turns`)
    }
  }
  await log.close()
})

test('a close waits for a transaction that is being opened, also where another one was refused since', async (open) => {
  const log = await open()
  const producer = log.producer({ transactionalId: 'id' })
  let code: unknown
  const first = producer.beginTransaction().catch((error: LogError) => {
    code = error.code
  })
  await failure('INVALID_TXN_STATE', () => producer.beginTransaction())
  await producer.close()
  assert.is(code, 'PRODUCER_CLOSED')
  await first
  await log.close()
})

test.run()
