import { LogError } from '../../model/errors.ts'
import { assertOptions, type OptionNames, wrongArgument } from '../options.ts'
import type { ShareConsumer } from './share-consumer-type.ts'

export type AcknowledgeType = Parameters<ShareConsumer['acknowledge']>[1]
export type AcknowledgeOptions = NonNullable<Parameters<ShareConsumer['acknowledge']>[2]>

const NAMES: OptionNames<AcknowledgeOptions> = { delayMs: true, error: true }

/** The options that mean something with each type. */
const TAKEN: Readonly<Record<AcknowledgeType, readonly (keyof AcknowledgeOptions)[]>> = {
  accept: [],
  release: ['delayMs', 'error'],
  reject: ['error'],
}

/** INVALID_REQUEST, also for an option that would be passed over: who gives one expects something of it. */
export function checkAcknowledge(type: AcknowledgeType, options: AcknowledgeOptions): AcknowledgeOptions {
  assertOptions(options, NAMES, 'acknowledge')
  if (typeof type !== 'string' || !Object.hasOwn(TAKEN, type))
    throw wrongArgument('type', "'accept', 'release' or 'reject'")
  const { delayMs } = options
  if (delayMs !== undefined && !(Number.isSafeInteger(delayMs) && delayMs >= 0)) {
    throw wrongArgument('delayMs', 'a whole number from 0 on')
  }
  for (const option of ['delayMs', 'error'] as const) {
    if (options[option] === undefined || TAKEN[type].includes(option)) continue
    const message = `'${type}' takes no ${option}: that is for ${option === 'delayMs' ? "'release'" : "'release' and 'reject'"}`
    throw new LogError('INVALID_REQUEST', message, { argument: 'type', type, option })
  }
  return options
}
