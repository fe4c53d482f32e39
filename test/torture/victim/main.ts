// Opens a directory, or attaches to who holds it, works on it in every way there is, and is killed, by itself or
// others.
import type { BrokerLog } from '../../../bindings/client/log.ts'
import { LogError } from '../../../bindings/model/errors.ts'
import { LedgerWriter } from '../ledger.ts'
import { Aim } from './aim.ts'
import type { VictimSpec } from './spec.ts'
import { openWatched } from './watched-log.ts'
import { Workload } from './workload.ts'

const spec = JSON.parse(process.argv[2] ?? '') as VictimSpec
const ledger = new LedgerWriter(spec.ledger)
const aim = new Aim(spec)

let opened: { readonly log: BrokerLog } | undefined
try {
  const { log, shared } = await openPatiently()
  opened = { log }
  console.log('opened')
  if (shared.role === 'attached') aim.role = 'attached'
  const workload = new Workload(log, ledger, spec)
  const working = workload.run()
  if (spec.closeAfterMs !== undefined) {
    await Promise.race([working, new Promise((resolve) => setTimeout(resolve, spec.closeAfterMs))])
    workload.end()
    await Promise.all([log.close(), working.catch(expected)])
    process.exit(0)
  }
  await working
} catch (error) {
  // The storage is gone: whoever took it away does the rest.
  if (spec.atAim !== 'wait' || !LogError.is(error, 'KAFKA_STORAGE_ERROR', 'STORAGE_FULL')) throw error
  await opened?.log.close().catch(expected)
  ledger.tell({ ended: error.code })
  setInterval(() => {}, 1000)
}

/** A holder that is too busy to answer is named after five seconds; it goes away by itself here. */
async function openPatiently(): ReturnType<typeof openWatched> {
  for (;;) {
    try {
      return await openWatched(spec.directory, aim, spec.isJumping)
    } catch (error) {
      if (!LogError.is(error, 'DIRECTORY_IN_USE')) throw error
      ledger.tell({ refused: error.code })
    }
  }
}

function expected(error: unknown): void {
  if (!LogError.is(error)) throw error
}
