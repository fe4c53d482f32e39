import { LogError } from '../../../../bindings/model/errors.ts'
import type { FinalRead } from '../../../../bindings/testkit/history/history.ts'
import type { SimulatedProcess } from '../process.ts'
import { drawStamped, follow, produce } from '../programs.ts'
import { ALL_PARTITIONS, note, PARTITIONS, topicConfig, type World } from '../world.ts'
import { KeptTopic } from './judge-retention.ts'
import { judgeHistory, readTopic, type Story } from './story.ts'

const PLACES = ALL_PARTITIONS.map((partition) => ({ topic: 't', partition }))
/** Rounds of upkeep after which everything that has to go is gone. */
const ROUNDS_MAX = 60

/** Records that go by time, by size and because somebody deletes them, and readers that lose their place. */
export function retentionStory(): Story {
  const kept = new KeptTopic()
  return {
    async prepare({ log }, world) {
      const { retentionMs, retentionBytes } = world.plan.settings
      const config = topicConfig(world, { 'retention.ms': retentionMs, 'retention.bytes': retentionBytes })
      await log.admin.createTopic('t', { partitions: PARTITIONS, config })
    },
    async program(process, world) {
      const deleting = deleteNowAndThen(process, world, kept)
      await produce(process, world, drawStamped)
      await deleting
    },
    follow: (process, world) =>
      follow(process, world, 't', (reader, partition, isolation, records) =>
        world.recording.polled(reader, isolation, 't', partition, records),
      ),
    async end(process, world) {
      kept.startsBefore = await startsOf(process)
      world.recording.finalReads.push(...(await keptRecords(process, world)))
      kept.startsAfter = await startsOf(process)
      kept.endMs = world.time.latestWall
      await settle(process, world, kept)
    },
    judge(world) {
      const { recording } = world
      const found = recording.finalReads.splice(0)
      return [...judgeHistory(world), ...kept.judge(world, found)]
    },
  }
}

async function deleteNowAndThen(process: SimulatedProcess, world: World, kept: KeptTopic): Promise<void> {
  const { random, plan } = world
  if (!plan.settings.deletesRecords) return
  while (!world.isEnding) {
    await process.sleep(random.unit() * 200)
    try {
      const places = await process.whileAlive(process.log.admin.offsets(PLACES))
      const place = places[random.below(PARTITIONS)]
      if (place === undefined) continue
      const { partition, logStartOffset, highWatermark } = place
      kept.sawStart(partition, logStartOffset)
      const beforeOffset = logStartOffset + random.below(highWatermark - logStartOffset + 1)
      kept.asksDeletion(partition, beforeOffset)
      await process.whileAlive(process.log.admin.deleteRecords([{ topic: 't', partition, beforeOffset }]))
      kept.sawStart(partition, beforeOffset)
    } catch (error) {
      note(world, process, error)
    }
  }
}

async function startsOf({ log }: SimulatedProcess): Promise<number[]> {
  return (await log.admin.offsets(PLACES)).map(({ logStartOffset }) => logStartOffset)
}

/** Nothing is written any more: what is expired or too much goes, files and all, within a few rounds. */
async function settle(process: SimulatedProcess, world: World, kept: KeptTopic): Promise<void> {
  const { retentionMs, upkeepIntervalMs } = world.plan.settings
  const lastTimestamp = world.recording.sends.reduce((last, { timestamp = 0 }) => Math.max(last, timestamp), kept.endMs)
  if (retentionMs >= 0) await process.sleep(lastTimestamp + retentionMs - world.time.wall + 1)
  for (let round = 0; round < ROUNDS_MAX; round++) {
    await process.sleep(upkeepIntervalMs)
    kept.left = await leftOf(process, world)
    if (kept.left.length === 0) return
  }
}

async function leftOf(process: SimulatedProcess, { plan }: World): Promise<string[]> {
  const { retentionMs, retentionBytes } = plan.settings
  const left: string[] = []
  for (const { partition, logStartOffset } of await process.log.admin.offsets(PLACES)) {
    const name = `t-${partition}`
    const segments = process.segmentSizes(name)
    const [oldest] = segments
    if (oldest === undefined) continue
    const total = segments.reduce((sum, { sizeBytes }) => sum + sizeBytes, 0)
    const isKept = process.ranges('t', partition).some((each) => each.sizeBytes > 0 && each.nextOffset > logStartOffset)
    if (retentionMs >= 0 && isKept) left.push(`${name} keeps expired records of its ${total} bytes`)
    if (retentionBytes >= 0 && oldest.sizeBytes > 0 && total - oldest.sizeBytes >= retentionBytes) {
      left.push(
        `${name} keeps ${total} bytes, ${retentionBytes} are wanted, its oldest segment has ${oldest.sizeBytes}`,
      )
    }
    const next = segments[1]
    if (next !== undefined && next.baseOffset <= logStartOffset)
      left.push(`${name} keeps the file of ${oldest.baseOffset}`)
  }
  return left
}

/** From wherever the partitions begin by then. */
async function keptRecords(process: SimulatedProcess, world: World): Promise<FinalRead[]> {
  for (;;) {
    try {
      return await readTopic(process, world, 't')
    } catch (error) {
      // The start went past it.
      if (!LogError.is(error, 'OFFSET_OUT_OF_RANGE')) throw error
    }
  }
}
