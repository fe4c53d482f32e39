import type { Broker } from '../../broker/broker.ts'
import type { ConsumerSession } from '../../broker/consumer-session.ts'
import type { ConsumerSettings } from './consumer-options.ts'
import type { InterruptibleWaits } from './interruptible-waits.ts'
import { Rebalance } from './rebalance.ts'

/** A session and its place in the group. */
export interface Member {
  readonly session: ConsumerSession
  readonly rebalance: Rebalance
}

/** Opens a member that hasn't joined yet. A session that comes when nobody waits for it any more is closed. */
export async function openMember(
  broker: Broker,
  { groupId, maxPollIntervalMs, assignor }: ConsumerSettings,
  topics: readonly string[],
  waits: InterruptibleWaits,
): Promise<Member> {
  const opening = broker.openConsumer({ groupId, topics, assignors: [assignor.name], maxPollIntervalMs })
  try {
    const session = await waits.for(opening)
    return { session, rebalance: new Rebalance(session, assignor) }
  } catch (error) {
    opening.then((late) => late.close()).catch(() => {})
    throw error
  }
}
