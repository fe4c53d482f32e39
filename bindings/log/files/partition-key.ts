/** Names a partition by its topic's id: what is left of an earlier topic of the same name belongs to that one. */
export function partitionKey(topicId: string, partition: number): string {
  return `${topicId}/${partition}`
}
