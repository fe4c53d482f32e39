import type { PartitionIdentity } from '../../storage/partition-identity.ts'
import type { StoredState } from '../../storage/stored-state.ts'
import type { Recovered } from '../recovery/recovered.ts'

/** What an opening returns to the engine. */
export function storedState(recovered: Recovered): StoredState {
  const partitions = recovered.partitions.map(({ stored }) => stored)
  const place = ({ topic, partition }: PartitionIdentity) => ({ topic, partition })
  return {
    partitions,
    leaderEpoch: recovered.header.leaderEpoch,
    nextProducerId: recovered.producerIdsEnd,
    report: {
      clean: recovered.clean && recovered.damage.length === 0,
      replayedFrames: recovered.replayedFrames,
      skippedBatches: recovered.skippedBatches,
      setAsideBytes: recovered.setAside.bytes,
      setAsideFiles: recovered.setAside.files,
      damage: recovered.damage,
      readOnly: partitions
        .filter((each) => each.readOnly)
        .map(({ id, damage }) => (damage === undefined ? place(id) : { ...place(id), damage })),
      partitions: partitions.map(({ id, nextOffset }) => ({ ...place(id), endOffset: nextOffset })),
    },
  }
}
