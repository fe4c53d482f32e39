import type { TopicFacts } from '../../broker/topic-facts.ts'
import { TOPIC_FACTS } from './answer-shapes.ts'
import type { Link } from './link.ts'
import type { MessageWriter } from './message-writer.ts'
import { reading, writeValue } from './values.ts'

/** What is known of the holder's topics, until it says that they have changed. */
export class KnownTopics {
  readonly #link: Link
  readonly #facts: Map<string, TopicFacts> = new Map()
  /** Answers that are under way: of thousands of sends that need one, the first asks. */
  readonly #asked: Map<string, Promise<TopicFacts>> = new Map()
  #version = ''

  constructor(link: Link) {
    this.#link = link
  }

  topic(name: string): TopicFacts | Promise<TopicFacts> {
    if (this.#version !== this.#link.topicsVersion) {
      this.#facts.clear()
      this.#asked.clear()
    }
    this.#version = this.#link.topicsVersion
    return this.#facts.get(name) ?? this.#asked.get(name) ?? this.#ask(name)
  }

  #ask(name: string): Promise<TopicFacts> {
    const answer = this.now(name)
    this.#asked.set(name, answer)
    const answered = () => {
      if (this.#asked.get(name) === answer) this.#asked.delete(name)
    }
    answer.then(answered, answered)
    return answer
  }

  /**
   * As the holder knows the topic now. The holder reports changes only with an answer, and a refusal based on what is
   * known here asks the holder nothing.
   */
  async now(name: string): Promise<TopicFacts> {
    const askedAt = this.#version
    const write = (writer: MessageWriter) => writeValue(writer, [name])
    const facts = await this.#link.call('describeTopic', 0, write, reading<TopicFacts>(TOPIC_FACTS))
    // A change that was reported meanwhile may be newer than this answer.
    if (this.#version === askedAt) this.#facts.set(name, facts)
    return facts
  }
}
