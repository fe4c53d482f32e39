import type { Kernel } from '../../kernel/kernel.ts'
import { LogError } from '../../model/errors.ts'
import { perform, type Task } from '../../storage/effect.ts'
import { withFile } from '../../storage/open-file.ts'
import { Catalogue } from '../catalogue/catalogue.ts'
import { CATALOGUE_TOPIC } from '../catalogue/topic-ids.ts'
import type { TopicView } from '../catalogue/topic-table.ts'
import type { CheckpointSegment } from '../checkpoint/checkpoint-record.ts'
import { partitionDirectory } from '../files/file-names.ts'
import { segmentFiles } from '../survey/noted-segments.ts'
import type { VerifyContext } from './verify-context.ts'

/**
 * The topics, as the catalogue's segments and frames tell them. They say where partitions begin, so that a removed
 * segment isn't taken for damage. Nothing is known past a batch that can't be read; the verification of the catalogue
 * itself reports that.
 */
export function* readTopics(
  context: Pick<VerifyContext, 'store' | 'kernel' | 'scanner' | 'scratch'>,
  noted: readonly CheckpointSegment[],
  decisions: readonly Uint8Array[],
): Task<TopicView> {
  const { store, kernel, scanner } = context
  const reader = new CatalogueBatches(kernel)
  const directory = partitionDirectory(CATALOGUE_TOPIC, 0)
  const names = yield* perform('list', directory, () => store.list(directory))
  for (const { path } of yield* segmentFiles(context, directory, names, noted)) {
    yield* withFile(store, path, (file) => {
      const sizeBytes = file.size()
      for (let position = 0; position < sizeBytes; ) {
        const batch = scanner.inFile(file, position, sizeBytes)
        if (typeof batch === 'string') break
        reader.take(batch.bytes)
        position += batch.header.sizeBytes
      }
    })
  }
  for (const bytes of decisions) reader.take(bytes)
  return reader.topics
}

/** The catalogue's batches in order: one that stands in a segment and in a frame counts once. */
class CatalogueBatches {
  readonly #kernel: Kernel
  readonly #catalogue = new Catalogue()
  #nextOffset = 0
  #isBroken = false

  constructor(kernel: Kernel) {
    this.#kernel = kernel
  }

  get topics(): TopicView {
    return this.#catalogue.durable
  }

  /** `from` may be a view of kernel memory, which the next allocation may move. */
  take(from: Uint8Array): void {
    const bytes = from.slice()
    const buffer = this.#kernel.allocate(bytes.length)
    if (buffer === undefined) return
    try {
      buffer.bytes(0, bytes.length).set(bytes)
      const batch = this.#kernel.batchReader.decode(buffer, 0, bytes.length)
      if (typeof batch === 'string' || this.#isBroken || batch.baseOffset < this.#nextOffset) return
      this.#nextOffset = batch.nextOffset
      for (let index = 0; index < batch.recordCount; index++) {
        const [key, value, headers] = [batch.keyOf(index), batch.valueOf(index), batch.headersOf(index)]
        const place = { topic: CATALOGUE_TOPIC, partition: 0, offset: batch.offsetOf(index) }
        this.#catalogue.apply({ key, value, headers, timestamp: batch.timestampOf(index) }, place)
      }
    } catch (error) {
      if (!LogError.is(error)) throw error
      this.#isBroken = true
    } finally {
      buffer.free()
    }
  }
}
