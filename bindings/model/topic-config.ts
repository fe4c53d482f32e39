import { COMPRESSION_TYPES } from './compression.ts'
import { LogError } from './errors.ts'
import { BATCH_BYTES_MAX } from './limits.ts'
import { nearestOf } from './nearest-name.ts'
import type { CleanupPolicy, TimestampType, TopicCompression, TopicConfigKeys } from './topic-config-keys.ts'

/**
 * A topic's config: Kafka's keys with Kafka's ranges and defaults. Sizes in bytes, times in milliseconds; numbers may
 * come as text. Unknown keys and values out of range are refused with INVALID_CONFIG, by name.
 *
 * Differs from Kafka: `segment.bytes` goes down to 14, as before Kafka 4.0; where Kafka's default is the greatest int64
 * it is the greatest safe integer here.
 */
export type TopicConfig = TopicConfigKeys & { readonly [key: string]: string | number | boolean }

/** Keys of a topic's config to set; `null` puts a key back to its default. */
export type ConfigChanges = { readonly [Key in keyof TopicConfigKeys]: TopicConfigKeys[Key] | null } & {
  readonly [key: string]: string | number | boolean | null
}

/** A topic's config with every default filled in; times in milliseconds, sizes in bytes, -1 for no limit. */
export interface ParsedTopicConfig {
  readonly cleanupPolicy: CleanupPolicy
  readonly segmentBytes: number
  readonly segmentMs: number
  readonly segmentIndexBytes: number
  readonly indexIntervalBytes: number
  readonly maxMessageBytes: number
  readonly compressionType: TopicCompression
  readonly messageTimestampType: TimestampType
  readonly messageTimestampBeforeMaxMs: number
  readonly messageTimestampAfterMaxMs: number
  readonly retentionMs: number
  readonly retentionBytes: number
  readonly deleteRetentionMs: number
  readonly minCompactionLagMs: number
  readonly maxCompactionLagMs: number
  /** From 0 to 1. */
  readonly minCleanableDirtyRatio: number
}

const MAX = Number.MAX_SAFE_INTEGER
const INT32_MAX = 0x7fff_ffff

type Rule =
  | {
      readonly name: keyof ParsedTopicConfig
      readonly from: number
      readonly to: number
      readonly initial: number
      /** A greater value is taken, as Kafka does, and counts as this one. */
      readonly most?: number
    }
  | { readonly name: keyof ParsedTopicConfig; readonly words: readonly string[]; readonly initial: string }
  | { readonly name: keyof ParsedTopicConfig; readonly share: true; readonly initial: number }

const count = (name: keyof ParsedTopicConfig, initial: number, from: number, to: number = MAX): Rule => {
  return { name, from, to, initial }
}

/**
 * Kafka's keys, defaults and ranges (LogConfig; kafka.md 1.5, 2.4, 2.5, 2.8). Differs from Kafka: segment.bytes goes
 * down to 14 as before Kafka 4.0. Where Kafka's default is Long.MAX it is the greatest safe integer here.
 */
const RULES: Readonly<Record<keyof TopicConfigKeys, Rule>> = {
  'cleanup.policy': {
    name: 'cleanupPolicy',
    words: ['delete', 'compact', 'compact,delete', 'delete,compact'],
    initial: 'delete',
  },
  'segment.bytes': count('segmentBytes', 1_073_741_824, 14, INT32_MAX),
  'segment.ms': count('segmentMs', 604_800_000, 1),
  'segment.index.bytes': count('segmentIndexBytes', 10_485_760, 4, INT32_MAX),
  'index.interval.bytes': count('indexIntervalBytes', 4096, 0, INT32_MAX),
  'max.message.bytes': { ...count('maxMessageBytes', 1_048_588, 0, INT32_MAX), most: BATCH_BYTES_MAX },
  'compression.type': {
    name: 'compressionType',
    words: ['producer', 'uncompressed', ...COMPRESSION_TYPES],
    initial: 'producer',
  },
  'message.timestamp.type': {
    name: 'messageTimestampType',
    words: ['CreateTime', 'LogAppendTime'],
    initial: 'CreateTime',
  },
  'message.timestamp.before.max.ms': count('messageTimestampBeforeMaxMs', MAX, 0),
  'message.timestamp.after.max.ms': count('messageTimestampAfterMaxMs', 3_600_000, 0),
  'retention.ms': count('retentionMs', 604_800_000, -1),
  'retention.bytes': count('retentionBytes', -1, -1),
  'delete.retention.ms': count('deleteRetentionMs', 86_400_000, 0),
  'min.compaction.lag.ms': count('minCompactionLagMs', 0, 0),
  'max.compaction.lag.ms': count('maxCompactionLagMs', MAX, 1),
  'min.cleanable.dirty.ratio': { name: 'minCleanableDirtyRatio', initial: 0.5, share: true },
}

export const TOPIC_CONFIG_KEYS: readonly string[] = Object.keys(RULES)

/** Rejects unknown keys, wrong types and values out of range with INVALID_CONFIG, each by name. */
export function parseTopicConfig(config: TopicConfig): ParsedTopicConfig {
  if (typeof config !== 'object' || config === null || Array.isArray(config)) {
    throw new LogError('INVALID_CONFIG', 'a config must be an object of keys and values', { key: undefined })
  }
  assertConfigKeys(Object.keys(config))
  const parsed: Record<string, unknown> = {}
  for (const [key, rule] of Object.entries(RULES)) {
    parsed[rule.name] = Object.hasOwn(config, key) ? parsedValue(key, rule, config[key]) : rule.initial
  }
  return parsed as unknown as ParsedTopicConfig
}

/** A key of a topic's config with the value that counts. */
export interface EffectiveConfig {
  readonly key: string
  readonly value: string | number
  /** The topic doesn't set it. */
  readonly isDefault: boolean
}

/** All keys, in the order of their table. Throws INVALID_CONFIG as `parseTopicConfig` does. */
export function effectiveConfig(config: TopicConfig): readonly EffectiveConfig[] {
  const parsed = parseTopicConfig(config)
  return Object.entries(RULES).map(([key, { name }]) => {
    return { key, value: parsed[name], isDefault: !Object.hasOwn(config, key) }
  })
}

/**
 * As `parseTopicConfig`, for a config that somebody sets: rejects with INVALID_CONFIG, too, if values contradict each
 * other, as when a record must be left alone for longer than until it must be compacted. Source: Kafka's
 * LogConfig.validateValues.
 */
export function checkTopicConfig(config: TopicConfig): ParsedTopicConfig {
  const parsed = parseTopicConfig(config)
  const { minCompactionLagMs: min, maxCompactionLagMs: max } = parsed
  if (min <= max) return parsed
  const message = `config "min.compaction.lag.ms" is ${min}, more than "max.compaction.lag.ms", which is ${max}`
  throw new LogError('INVALID_CONFIG', message, { key: 'min.compaction.lag.ms', from: 0, to: max })
}

/** Throws INVALID_CONFIG for the first name that is no key. */
export function assertConfigKeys(keys: readonly string[]): void {
  const key = keys.find((each) => !Object.hasOwn(RULES, each))
  if (key === undefined) return
  const [nearest] = nearestOf(key, TOPIC_CONFIG_KEYS)
  const advice = nearest === undefined ? '' : `: did you mean ${nearest}?`
  const message = `unknown config key "${key}"${advice}; known are ${TOPIC_CONFIG_KEYS.join(', ')}`
  throw new LogError('INVALID_CONFIG', message, { key, known: TOPIC_CONFIG_KEYS })
}

/** Numbers may come as text, as Kafka's tools give them. */
function parsedValue(key: string, rule: Rule, value: unknown): string | number {
  if ('words' in rule) {
    if (typeof value === 'string' && rule.words.includes(value)) return value
    const message = `config "${key}" is one of ${rule.words.join(' | ')}, not ${kindOf(value)}`
    throw new LogError('INVALID_CONFIG', message, { key, allowed: rule.words })
  }
  if ('share' in rule) return parsedShare(key, value)
  const number = typeof value === 'string' && /^-?\d{1,16}$/.test(value) ? Number(value) : value
  if (typeof number === 'number' && Number.isSafeInteger(number) && number >= rule.from && number <= rule.to)
    return Math.min(number, rule.most ?? number)
  const message = `config "${key}" is a whole number from ${rule.from} to ${rule.to}, not ${kindOf(value)}`
  throw new LogError('INVALID_CONFIG', message, { key, from: rule.from, to: rule.to })
}

function parsedShare(key: string, value: unknown): number {
  const share = typeof value === 'string' && /^[01](\.\d{1,15})?$/.test(value) ? Number(value) : value
  if (typeof share === 'number' && share >= 0 && share <= 1) return share
  throw new LogError('INVALID_CONFIG', `config "${key}" is a number from 0 to 1, not ${kindOf(value)}`, {
    key,
    from: 0,
    to: 1,
  })
}

/** Settings are no secrets, but a value passed by mistake may be long. */
function kindOf(value: unknown): string {
  if (typeof value === 'string') return value.length < 40 ? `the string ${JSON.stringify(value)}` : 'a long string'
  return typeof value === 'number' || typeof value === 'boolean' ? `the ${typeof value} ${value}` : typeof value
}
