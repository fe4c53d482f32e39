import type { TopicConfig } from '../../../../bindings/model/topic-config.ts'
import type { SimulatedProcess } from '../process.ts'
import { type Draw, drawValue, follow, produce, transact } from '../programs.ts'
import { DELETION, PARTITIONS, topicConfig, type World } from '../world.ts'
import { type Compacted, judgeCompaction } from './judge-compaction.ts'
import { judgeHistory, readTopic, type Story } from './story.ts'

const KEYS = 5
/** Rounds of upkeep after which nothing is left to compact. */
const ROUNDS_MAX = 60

/** Keyed records, plain and in transactions, deletions among them, in a topic that is compacted all the while. */
export function compactionStory(): Story {
  const compacted: Compacted = { left: [], cleaned: [], endMs: 0, last: [], lastMs: 0 }
  return {
    async prepare({ log }, world) {
      await log.admin.createTopic('t', { partitions: PARTITIONS, config: configOf(world) })
    },
    program: (process, world, slot) =>
      world.random.chance(0.5) ? produce(process, world, drawKeyed) : transact(process, world, slot, drawKeyed),
    follow: (process, world) => follow(process, world, 't', seenAnywhere(world)),
    async end(process, world) {
      world.recording.finalReads.push(...(await readTopic(process, world, 't')))
      compacted.endMs = world.time.latestWall
      for (let round = 0; round < ROUNDS_MAX; round++) {
        await process.sleep(world.plan.settings.upkeepIntervalMs)
        compacted.left = leftOf(process, world)
        if (compacted.left.length === 0) break
      }
      compacted.cleaned = process.compactable('t').map(({ cleanedOffset }) => cleanedOffset)
      compacted.last = await readTopic(process, world, 't')
      compacted.lastMs = world.time.latestWall
    },
    judge(world) {
      const found = world.recording.finalReads.splice(0)
      return [...judgeHistory(world), ...judgeCompaction(world, found, compacted)]
    },
  }
}

function configOf(world: World): TopicConfig {
  const { cleansByTime, retentionMs, deleteRetentionMs, compactionLagMs, dirtyRatio } = world.plan.settings
  const keeps = cleansByTime && retentionMs >= 0
  return topicConfig(world, {
    'cleanup.policy': keeps ? 'compact,delete' : 'compact',
    ...(keeps && { 'retention.ms': retentionMs }),
    'delete.retention.ms': deleteRetentionMs,
    'min.compaction.lag.ms': compactionLagMs,
    'min.cleanable.dirty.ratio': dirtyRatio,
  })
}

const drawKeyed: Draw = (process, world, transaction) => {
  const { random, recording } = world
  const partition = random.below(PARTITIONS)
  const key = `key-${random.below(KEYS)}`
  const text = drawValue(process, world)
  const isDeletion = random.chance(0.15)
  const send = recording.send({
    topic: 't',
    partition,
    producer: process.name,
    value: text,
    transaction,
    key,
    isDeletion,
  })
  const record = { topic: 't', partition, key }
  return {
    send,
    record: isDeletion ? { ...record, value: null, headers: { [DELETION]: text } } : { ...record, value: text },
  }
}

/** What lies between two records may be gone: each has a position of its own, and only the order is held. */
function seenAnywhere({ recording, unexpected }: World) {
  const last = new Map<string, number>()
  return (...[reader, partition, isolation, records]: Parameters<Parameters<typeof follow>[3]>): void => {
    for (const record of records) {
      const place = `${reader} in t-${partition}`
      if (record.offset <= (last.get(place) ?? -1)) unexpected.push(`${place} read ${record.offset} after a later one`)
      last.set(place, record.offset)
      recording.positioned(reader, 't', partition, record.offset)
      recording.polled(reader, isolation, 't', partition, [record])
    }
  }
}

/** Partitions with more that no pass looked through than the topic says. */
function leftOf(process: SimulatedProcess, { plan, time }: World): string[] {
  const { dirtyRatio, compactionLagMs } = plan.settings
  return process.compactable('t').flatMap(({ cleanedOffset, segments, lastStableOffset }, partition) => {
    const isTooNew = ({ nextOffset, maxTimestamp }: (typeof segments)[number]) =>
      nextOffset > lastStableOffset || (nextOffset > cleanedOffset && maxTimestamp > time.wall - compactionLagMs - 1)
    const end = segments.findIndex(isTooNew)
    const reached = end < 0 ? segments : segments.slice(0, end)
    const bytesOf = (some: typeof reached) => some.reduce((sum, { sizeBytes }) => sum + sizeBytes, 0)
    const dirtyBytes = bytesOf(reached.filter(({ nextOffset }) => nextOffset > cleanedOffset))
    if (dirtyBytes <= dirtyRatio * bytesOf(reached)) return []
    return [`t-${partition} has ${dirtyBytes} of ${bytesOf(reached)} bytes uncompacted from ${cleanedOffset} on`]
  })
}
