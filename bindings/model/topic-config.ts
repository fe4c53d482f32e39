/** Config as given and as listed: Kafka's keys. Kept as the user wrote it, checked by `parseTopicConfig`. */
export type TopicConfig = { readonly [key: string]: string | number | boolean }
