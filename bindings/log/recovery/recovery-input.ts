import type { Kernel } from '../../kernel/kernel.ts'
import type { FileStore } from '../../storage/file-store.ts'
import type { WriteOrderObserver } from '../../storage/write-order.ts'
import type { FileCache } from '../segment/file-cache.ts'
import type { SegmentContext } from '../segment/segment-context.ts'
import type { EarlierAttempts } from './earlier-attempts.ts'
import type { SegmentConfigs } from './segment-configs.ts'

/** What an opening works with, whether it recovers or not. */
export interface RecoveryInput {
  readonly store: FileStore
  readonly kernel: Kernel
  readonly files: FileCache
  readonly segments: SegmentContext
  readonly configs: SegmentConfigs
  readonly observer: WriteOrderObserver | undefined
  readonly earlier: EarlierAttempts
}
