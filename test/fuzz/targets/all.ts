import { nodeCodecs } from '../../../bindings/entry/embedded/node-codecs.ts'
import { fixtures, openSmall } from '../../damage/fixture.ts'
import { transactionFixtures } from '../../damage/transactions-fixture.ts'
import { newKernel } from '../../kernel/support.ts'
import type { FuzzTarget } from '../target.ts'
import { answerTarget } from './answers.ts'
import { batchTarget, segmentTarget, unchangedCodecs } from './batches.ts'
import { checkpointTarget } from './checkpoints.ts'
import { codecTargets } from './codecs.ts'
import { argumentTarget, inputTarget } from './command-line.ts'
import { directoryTarget } from './directories.ts'
import { indexTargets } from './indexes.ts'
import { frameTarget, journalHeaderTarget } from './journal.ts'
import { agreedCallTarget, wildCallTarget } from './kernel-calls.ts'
import { wildExportTarget } from './kernel-exports.ts'
import { requestTarget } from './requests.ts'
import { leaderEpochTarget, metadataTarget, snapshotTarget } from './small-files.ts'
import { socketTarget } from './sockets.ts'
import { tableTargets } from './tables.ts'
import { valueTargets } from './values.ts'

/** Every kernel has this much at most: what is over it would be refused, and a leak would be seen. */
const CAP_BYTES = 16 << 20

export async function allTargets(): Promise<readonly FuzzTarget[]> {
  const kernel = newKernel(CAP_BYTES, nodeCodecs)
  const plain = newKernel(CAP_BYTES, unchangedCodecs)
  return [
    batchTarget(plain),
    segmentTarget(kernel),
    ...indexTargets(kernel),
    snapshotTarget(kernel),
    leaderEpochTarget(),
    metadataTarget(),
    journalHeaderTarget(kernel),
    frameTarget(kernel),
    checkpointTarget(kernel),
    ...tableTargets(),
    ...(await codecTargets()),
    ...valueTargets(),
    agreedCallTarget(newKernel(CAP_BYTES, unchangedCodecs)),
    wildCallTarget(newKernel(CAP_BYTES, unchangedCodecs), newKernel(CAP_BYTES)),
    wildExportTarget(),
    requestTarget(),
    answerTarget(),
    socketTarget(),
    inputTarget(),
    argumentTarget(),
    await directoryTarget([...(await fixtures(1, openSmall)), ...(await transactionFixtures(1, openSmall))]),
  ]
}
