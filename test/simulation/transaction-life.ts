import type { ProducerInstance } from '../../bindings/engine/commands.ts'
import { LogError } from '../../bindings/model/errors.ts'
import type { WriteOrderObserver } from '../../bindings/storage/write-order.ts'
import { Random } from '../../bindings/testkit/simulation/random.ts'
import { type Asked, SyncHost } from '../../bindings/testkit/simulation/sync-host.ts'
import { TransactionalClient } from '../../bindings/testkit/simulation/transactional-client.ts'
import { CrashSignal } from '../../bindings/testkit/simulation/virtual-disk.ts'
import type { VirtualStorage } from '../../bindings/testkit/simulation/virtual-rows.ts'

const TOPIC_ID = 'AAAAAAAAAAAAAAAAAAAAAg'
const PARTITIONS = 3
const GROUP = 'g'

/** One transaction as its producer saw it: `undefined` while it knows of no end. */
interface Told {
  readonly transactionalId: string
  readonly values: { readonly partition: number; readonly value: string }[]
  nextOffset: number | undefined
  instance: ProducerInstance
  asked: 'commit' | 'abort' | undefined
  outcome: 'commit' | 'abort' | undefined
}

/** What clients did and heard. Shares nothing with the engine. */
export interface History {
  readonly transactions: Told[]
  /** Sent by nobody who was allowed to. */
  readonly forbidden: string[]
  /** Sent outside transactions, acknowledged. */
  readonly plain: { readonly partition: number; readonly value: string }[]
  /** Seen by a committed reader before their transaction was committed. */
  readonly early: string[]
}

export interface Life {
  /** Of docs/durability.md. */
  readonly rules: readonly number[]
  readonly rounds: number
  /** Values larger than a frame, so that transactions spill. */
  readonly valueBytes: number
  /** A mutant of the program: offsets are committed beside the transaction. */
  readonly offsetsOutside?: boolean
}

/** A frame of the simulator's journal holds 4096 bytes. */
export const LIVES: Readonly<Record<'small transactions' | 'transactions that spill', Life>> = {
  'small transactions': { rules: [3, 9], rounds: 8, valueBytes: 40 },
  'transactions that spill': { rules: [2, 3, 9], rounds: 6, valueBytes: 3000 },
}

export function emptyHistory(): History {
  return { transactions: [], forbidden: [], plain: [], early: [] }
}

/**
 * Two producers in turns, transactions over all partitions with offsets; late and fenced sends and offsets in between.
 */
export function live(
  storage: VirtualStorage,
  life: Life,
  history: History,
  seed: number,
  observer?: WriteOrderObserver,
): void {
  const random = new Random(seed)
  const host = new SyncHost(storage, { order: new Random(seed + 1), observer })
  try {
    host.open()
    host.createTopic(TOPIC_ID, 't', PARTITIONS, { 'segment.bytes': 4000 })
    const earlierGeneration = host.join(GROUP, 'm', ['t'])
    const generation = host.join(GROUP, 'm', ['t'])
    const plainProducer = host.openProducer()
    const looseProducer = host.openProducer()
    const clients = ['a', 'b'].map((id) => new TransactionalClient(host, id).init())
    for (let round = 0; round < life.rounds; round++) {
      const client = clients[round % 2] as TransactionalClient
      transact(host, client, { life, history, random, round, generation, plainProducer })
      sendLoose(host, looseProducer, round)
      if (round === 3) clients[round % 2] = replaced(host, client, history)
      if (round % 3 === 2) commitOfEarlierGeneration(host, earlierGeneration, round, history)
    }
    host.close()
  } catch (error) {
    if (!(error instanceof CrashSignal)) throw error
  } finally {
    host.discard()
  }
}

interface Round {
  readonly life: Life
  readonly history: History
  readonly random: Random
  readonly round: number
  readonly generation: number
  readonly plainProducer: number
}

function transact(host: SyncHost, client: TransactionalClient, parts: Round): void {
  const { life, history, random, round, generation, plainProducer } = parts
  client.begin()
  const { transactionalId, instance } = client
  const told: Told = {
    transactionalId,
    instance,
    values: [],
    nextOffset: undefined,
    asked: undefined,
    outcome: undefined,
  }
  history.transactions.push(told)
  for (const partition of [round % PARTITIONS, (round + 1) % PARTITIONS]) {
    for (let index = 0; index <= random.below(2); index++) {
      const value = `${transactionalId}-${round}-${partition}-${index}`.padEnd(life.valueBytes, '.')
      told.values.push({ partition, value })
      client.send('t', partition, value)
    }
  }
  told.nextOffset = round + 1
  const request = {
    groupId: GROUP,
    memberId: 'm',
    generation,
    offsets: [{ topicId: TOPIC_ID, partition: 0, nextOffset: round + 1 }],
  }
  if (life.offsetsOutside === true) host.ask<void>((done) => ({ kind: 'commitOffsets', request, done }))
  else client.sendOffsets(request)
  // Its flush makes what is open durable: only the last stable offset hides that from now on.
  sendPlain(host, plainProducer, round, history)
  for (const { partition, value } of told.values) {
    if (host.fetchAll('t', partition).some((record) => record.value === value)) history.early.push(value)
  }
  told.asked = round % 3 === 1 ? 'abort' : 'commit'
  client.end(told.asked)
  told.outcome = told.asked
  refuseLate(host, told, round, history)
}

/** A batch of an ended transaction that was on its way for long, to a partition that never heard of it. */
function refuseLate(host: SyncHost, told: Told, round: number, history: History): void {
  const value = `late-${round}`
  history.forbidden.push(value)
  const late = new TransactionalClient(host, told.transactionalId).as(told.instance)
  settle(host, late.startSend('t', (round + 2) % PARTITIONS, value))
}

/** A newer instance takes over while the older one has a transaction open, and both go on. */
function replaced(host: SyncHost, older: TransactionalClient, history: History): TransactionalClient {
  older.begin()
  older.send('t', 0, 'forbidden-open')
  history.forbidden.push('forbidden-open', 'forbidden-fenced')
  const newer = new TransactionalClient(host, older.transactionalId).init()
  newer.begin()
  settle(host, older.startSend('t', 2, 'forbidden-fenced'))
  newer.send('t', 1, 'of-the-newer')
  const told: Told = {
    transactionalId: newer.transactionalId,
    instance: newer.instance,
    values: [{ partition: 1, value: 'of-the-newer' }],
    nextOffset: undefined,
    asked: 'commit',
    outcome: undefined,
  }
  history.transactions.push(told)
  newer.end('commit')
  told.outcome = 'commit'
  return newer
}

/**
 * A member that missed how the group went on brings offsets of its own: whoever hears that they are refused gives up
 * (KIP-447).
 */
function commitOfEarlierGeneration(host: SyncHost, generation: number, round: number, history: History): void {
  const value = `forbidden-earlier-${round}`
  history.forbidden.push(value)
  const client = new TransactionalClient(host, 'of-an-earlier-generation').init().begin()
  client.send('t', round % PARTITIONS, value)
  const offsets = [{ topicId: TOPIC_ID, partition: 0, nextOffset: 100 + round }]
  try {
    client.sendOffsets({ groupId: GROUP, memberId: 'm', generation, offsets })
  } catch (error) {
    if (!LogError.is(error, 'ILLEGAL_GENERATION')) throw error
    client.end('abort')
    return
  }
  client.end('commit')
}

function sendPlain(host: SyncHost, producerId: number, round: number, history: History): void {
  const partition = round % PARTITIONS
  const value = `plain-${round}`
  const baseSequence = Math.floor(round / PARTITIONS)
  const request = {
    topic: 't',
    partition,
    producerId,
    producerEpoch: 0,
    baseSequence,
    values: [value],
    acks: 'all' as const,
  }
  settle(host, host.send(request))
  history.plain.push({ partition, value })
}

/** Nobody is promised more than the life of the process for it: there once, or not. */
function sendLoose(host: SyncHost, producerId: number, baseSequence: number): void {
  const values = [`loose-${baseSequence}`]
  settle(host, host.send({ topic: 't', partition: 1, producerId, producerEpoch: 0, baseSequence, values, acks: 1 }))
}

function settle(host: SyncHost, asked: Asked<unknown>): void {
  while (!asked.answered) if (!host.advance()) throw new Error('a send has no answer')
}

/** Opens what a crash left and asks of it what was promised; the answer says what is wrong. */
export function judge(storage: VirtualStorage, { transactions, forbidden, plain, early }: History): string[] {
  const host = new SyncHost(storage)
  try {
    const report = host.open()
    if (report.damage.length > 0) return [`damage: ${report.damage[0]?.code} in ${report.damage[0]?.file}`]
    if (!host.engine.catalogue.durable.liveById(TOPIC_ID)) return transactions.length > 0 ? ['the topic is gone'] : []
    const seen = Array.from({ length: PARTITIONS }, (_, partition) => {
      return host.fetchAll('t', partition).map(({ value }) => value)
    })
    return [
      ...seen.flatMap((values) => (new Set(values).size === values.length ? [] : ['a record stands twice'])),
      ...early.map((value) => `${value} was visible before its commit`),
      ...forbidden.filter((value) => seen.flat().includes(value)).map((value) => `${value} is visible`),
      ...plain
        .filter(({ partition, value }) => !seen[partition]?.includes(value))
        .map(({ value }) => `${value} was acknowledged and is hidden or lost`),
      ...judgeAll(host, transactions, seen),
      ...judgeEnds(host),
    ]
  } finally {
    host.discard()
  }
}

function judgeAll(host: SyncHost, transactions: readonly Told[], seen: readonly (readonly string[])[]): string[] {
  const wrong: string[] = []
  let last: number | undefined
  for (const told of transactions) {
    const visible = told.values.filter(({ partition, value }) => seen[partition]?.includes(value))
    const place = `transaction ${told.transactionalId}/${told.instance.producerEpoch}`
    if (visible.length > 0 && visible.length < told.values.length) wrong.push(`${place} is torn`)
    if (told.outcome === 'commit' && visible.length === 0) wrong.push(`${place} was committed and is lost`)
    if (told.asked !== 'commit' && visible.length > 0) wrong.push(`${place} was never committed and is visible`)
    if (visible.length > 0 && told.nextOffset !== undefined) last = told.nextOffset
  }
  const committed = host.engine.groups.committed(GROUP, TOPIC_ID, 0)?.nextOffset
  if (committed !== last) wrong.push(`the group is at ${committed}, the last visible transaction took it to ${last}`)
  wrong.push(...judgeAnswers(host, transactions.at(-1), seen))
  return wrong
}

/** The commit of the last transaction asked again: its answer must say what is to be seen. */
function judgeAnswers(host: SyncHost, told: Told | undefined, seen: readonly (readonly string[])[]): string[] {
  // An answer that its producer has heard isn't asked for again: the transaction after it may have raised the epoch.
  if (told?.asked !== 'commit' || told.outcome !== undefined) return []
  const isVisible = told.values.every(({ partition, value }) => seen[partition]?.includes(value))
  try {
    new TransactionalClient(host, told.transactionalId).as(told.instance).end('commit')
    return isVisible ? [] : ['a commit that is asked again says yes, and nothing is visible']
  } catch (error) {
    if (!LogError.is(error)) throw error
    return isVisible ? [`a commit that is asked again says ${error.code}, and is visible`] : []
  }
}

/** Nothing holds readers back: a new record is seen at once, in every partition. */
function judgeEnds(host: SyncHost): string[] {
  const wrong: string[] = []
  const producerId = host.openProducer()
  for (let partition = 0; partition < PARTITIONS; partition++) {
    const request = { topic: 't', partition, producerId, producerEpoch: 0, baseSequence: 0, values: ['last'] }
    settle(host, host.send({ ...request, acks: 'all' }))
    const isSeen = host.fetchAll('t', partition).some(({ value }) => value === 'last')
    if (!isSeen) wrong.push(`readers of partition ${partition} are held back for ever`)
  }
  return wrong
}
