import { ofSend, type Report } from './anomaly.ts'
import { type Facts, getOrMake } from './facts.ts'
import type { Place, Send } from './history.ts'

interface Spot extends Place {
  readonly offset: number
}

/** One value, one place; one place, one value: phantom, conflicting, duplicate. */
export function checkIdentity(facts: Facts, report: Report): void {
  const values = new Map<string, Map<number, string>>()
  const places = new Map<string, Spot>()
  const conflicts = new Set<string>()
  const wrong = new Set<string>()

  const seen = (name: string, at: Spot, value: string, send: Send | undefined, by: 'read' | 'answer'): void => {
    const { topic, partition, offset } = at
    if (send === undefined) {
      if (wrong.has(value)) return
      wrong.add(value)
      report({ kind: 'phantom', topic, partition, offset, producer: undefined, value, detail: 'nobody sent it' })
      return
    }
    const byOffset = getOrMake(values, name, () => new Map<number, string>())
    const other = byOffset.get(offset)
    if (other === undefined) byOffset.set(offset, value)
    else if (other !== value && !conflicts.has(`${name}@${offset}`)) {
      conflicts.add(`${name}@${offset}`)
      report(ofSend('conflicting', { ...send, topic, partition }, offset, `value ${other} was there too`))
    }
    const place = places.get(value)
    if (place === undefined) places.set(value, at)
    else if ((place.offset !== offset || place.partition !== partition || place.topic !== topic) && !wrong.has(value)) {
      wrong.add(value)
      // A read that differs from the answer is a conflict; two reads at different places are a duplicate.
      const kind = by === 'answer' ? 'conflicting' : 'duplicate'
      report(ofSend(kind, { ...send, topic, partition }, offset, `also at ${facts.nameOf(place)} ${place.offset}`))
    }
    if (!wrong.has(value) && (send.partition !== partition || send.topic !== topic)) {
      wrong.add(value)
      report(ofSend('conflicting', { ...send, topic, partition }, offset, `it was sent to ${facts.nameOf(send)}`))
    }
  }

  for (const sight of facts.sights) seen(sight.name, sight, sight.value, sight.sent?.send, 'read')
  for (const { send, name } of facts.sent) {
    const { topic, partition, offset, value } = send
    if (offset !== undefined) seen(name, { topic, partition, offset }, value, send, 'answer')
  }
}
