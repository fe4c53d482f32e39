import type { PeerDefinition, WorkloadName } from '../harness/peer.ts'
import { RECORDS } from '../harness/sizes.ts'

const EXACTLY_ONCE: readonly WorkloadName[] = ['transactions', 'transactions-64', 'process', 'ingest']
const EVERYTHING = (Object.keys(RECORDS.full) as WorkloadName[]).filter((name) => !EXACTLY_ONCE.includes(name))

function define(name: string, workloads: readonly WorkloadName[], settings: string): PeerDefinition {
  return { name, module: new URL('./peer.ts', import.meta.url), variant: name, workloads, settings }
}

export const ONCELOG = 'oncelog'
/** The same with everything counted that goes to the disk: its times aren't judged. */
export const WATCHED = 'oncelog-watched'

function defineExactlyOnce(name: string, settings: string): PeerDefinition {
  return {
    name,
    module: new URL('./exactly-once.ts', import.meta.url),
    variant: name,
    workloads: EXACTLY_ONCE,
    settings,
  }
}

/** The log itself, as it stands in the sources: bundled like every peer. */
export const oncelogs: readonly PeerDefinition[] = [
  define(ONCELOG, EVERYTHING, "public API, defaults; acks 1 where relaxed, a Producer for each of producers-64's"),
  define(
    WATCHED,
    ['bulk', 'durable-100', 'durable-1', 'producers-64', 'group'],
    'flushes, bytes and frames counted on the way',
  ),
  defineExactlyOnce(ONCELOG, 'public API, defaults; a transactional producer for each client'),
  defineExactlyOnce(WATCHED, 'the same, counted on the way'),
]
