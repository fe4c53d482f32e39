import type { TopicFacts } from '../../broker/topic-facts.ts'
import type { Link } from './link.ts'
import { readValue, writeValue } from './values.ts'

/** What is known of the holder's topics, until it says that they have changed. */
export class KnownTopics {
  readonly #link: Link
  readonly #facts: Map<string, TopicFacts> = new Map()
  #version = ''

  constructor(link: Link) {
    this.#link = link
  }

  /** `partition`: one that the caller names. Who has just been told of it may be ahead of what is known here. */
  topic(name: string, partition = 0): TopicFacts | Promise<TopicFacts> {
    if (this.#version !== this.#link.topicsVersion) this.#facts.clear()
    this.#version = this.#link.topicsVersion
    const known = this.#facts.get(name)
    return known === undefined || partition >= known.partitions ? this.#ask(name) : known
  }

  async #ask(name: string): Promise<TopicFacts> {
    const facts = await this.#link.call('describeTopic', 0, (writer) => writeValue(writer, [name]), readValue)
    this.#facts.set(name, facts as unknown as TopicFacts)
    return facts as unknown as TopicFacts
  }
}
