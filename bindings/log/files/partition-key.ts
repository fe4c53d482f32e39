/** Names a partition by its topic's id: what is left of an earlier topic of the same name belongs to that one. */
export function partitionKey(topicId: string, partition: number): string {
  return `${topicId}/${partition}`
}

/** The partition that `partitionKey` names so. */
export function parsePartitionKey(key: string): { readonly topicId: string; readonly partition: number } {
  const end = key.indexOf('/')
  return { topicId: key.slice(0, end), partition: Number(key.slice(end + 1)) }
}
