/** By the topic's id: what came of a topic of the same name before is another one's. */
export function partitionKey(topicId: string, partition: number): string {
  return `${topicId}/${partition}`
}
