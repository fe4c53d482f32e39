import { LogError } from '../../model/errors.ts'
import { parseTopicConfig, TOPIC_CONFIG_KEYS, type TopicConfig } from '../../model/topic-config.ts'

export interface ImportedConfig {
  readonly config: TopicConfig
  /** Keys that mean nothing here, or whose value this log can't have. */
  readonly notTaken: readonly string[]
}

/** Long.MAX_VALUE: for ever. */
const INT64_MAX = '9223372036854775807'
const FOR_EVER = -1

/**
 * A topic's config as this log can have it. Without `retention.ms` the broker's own properties counted, which aren't in
 * the directory. Then nothing expires here until somebody sets it: a wrong guess would delete what was just imported.
 */
export function importedConfig(configs: ReadonlyMap<string, string>): ImportedConfig {
  const config: Record<string, string | number> = { 'retention.ms': FOR_EVER }
  const notTaken: string[] = []
  for (const [key, text] of configs) {
    const value = configValue(key, text)
    if (isTaken(key, value)) config[key] = value
    else notTaken.push(key)
  }
  return { config, notTaken: notTaken.sort() }
}

function configValue(key: string, text: string): string | number {
  if (text === INT64_MAX) return Number.MAX_SAFE_INTEGER
  return key === 'min.cleanable.dirty.ratio' ? Number(text) : text
}

function isTaken(key: string, value: string | number): boolean {
  if (!TOPIC_CONFIG_KEYS.includes(key)) return false
  try {
    parseTopicConfig({ [key]: value })
    return true
  } catch (error) {
    if (LogError.is(error, 'INVALID_CONFIG')) return false
    throw error
  }
}
