import { openLog } from '../../../bindings/entry/embedded/embedded-log.ts'
import { nodeCodecs } from '../../../bindings/entry/embedded/node-codecs.ts'
import type { EmbeddedLog } from '../../../bindings/entry/node.ts'
import { LogError } from '../../../bindings/model/errors.ts'
import type { VirtualDisk } from '../../../bindings/testkit/simulation/virtual-disk.ts'
import { StillPort } from '../../damage/still-port.ts'
import type { Fact, Place } from './program.ts'

/** What of the log on such a disk is not as a program that knows these facts may rely on; empty if all is. */
export async function judge(disk: VirtualDisk, facts: readonly Fact[]): Promise<readonly string[]> {
  try {
    const log = await openLog(disk, Object.assign(new StillPort(), { codecs: nodeCodecs }))
    const wrong = [
      ...log.recovery.damage.map(({ file, position, code }) => `${file} is damaged at ${position}: ${code}`),
      ...(await wrongTopics(log, facts)),
      ...wrongRecords(await recordsOf(log), facts),
    ]
    const [topic] = await log.admin.listTopics()
    if (topic !== undefined) await log.producer().send({ topic, value: 'afterwards' })
    await log.close()
    return wrong
  } catch (error) {
    return [LogError.is(error) ? `${error.code}: ${error.message}` : String(error)]
  }
}

async function wrongTopics(log: EmbeddedLog, facts: readonly Fact[]): Promise<readonly string[]> {
  const names = new Set(await log.admin.listTopics())
  const ofKind = (kind: Fact['kind']) =>
    facts.flatMap((fact) => (fact.kind === kind && 'topic' in fact ? [fact.topic] : []))
  const deleting = new Set(ofKind('deleting'))
  const missing = ofKind('created').filter((topic) => !names.has(topic) && !deleting.has(topic))
  const undead = ofKind('deleted').filter((topic) => names.has(topic))
  return [...missing.map((topic) => `${topic} is gone`), ...undead.map((topic) => `${topic} was deleted and is there`)]
}

interface Seen extends Place {
  readonly value: string
}

async function recordsOf(log: EmbeddedLog): Promise<readonly Seen[]> {
  const seen: Seen[] = []
  for (const topic of await log.admin.listTopics()) {
    for await (const { partition, offset, value } of log.read(topic, { until: 'end' })) {
      seen.push({ topic, partition, offset, value: new TextDecoder().decode(value ?? undefined) })
    }
  }
  return seen
}

function wrongRecords(seen: readonly Seen[], facts: readonly Fact[]): readonly string[] {
  const asked = new Set(facts.flatMap((fact) => (fact.kind === 'asked' ? fact.values : [])))
  const deleting = new Set(facts.flatMap((fact) => (fact.kind === 'deleting' ? [fact.topic] : [])))
  const places = new Map(seen.map((record) => [record.value, textOf(record)]))
  const lost = facts.filter((fact) => fact.kind === 'acknowledged' && !deleting.has(fact.topic)) as Seen[]
  return [
    ...lost.flatMap((fact) => (places.get(fact.value) === textOf(fact) ? [] : [`${textOf(fact)} is lost`])),
    ...seen.flatMap((record) => (asked.has(record.value) ? [] : [`${textOf(record)} was never committed`])),
    ...(places.size < seen.length ? [`${seen.length - places.size} records are there twice`] : []),
  ]
}

function textOf({ topic, partition, offset, value }: Seen): string {
  return `${topic}-${partition} at ${offset}: ${value.slice(0, 10).trimEnd()}`
}
