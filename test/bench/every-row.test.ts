// Each row of `npm run bench` still runs against the public API, small: a row that can't be measured is seen here, not
// in a report.
import { mkdirSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { BULK_BATCH, fill } from '../../bench/harness/filling.ts'
import type { PeerModule, WorkloadName } from '../../bench/harness/peer.ts'
import type { Figures, OpenPeer } from '../../bench/harness/workload.ts'
import { runWorkload } from '../../bench/harness/workloads.ts'
import { oncelogs } from '../../bench/oncelog/definitions.ts'
import * as exactlyOnce from '../../bench/oncelog/exactly-once.ts'
import * as log from '../../bench/oncelog/peer.ts'
import { BOUND_TARGETS, RATIO_TARGETS } from '../../bench/oncelog/targets.ts'
import { scratchDirectory } from '../scratch.ts'

const RECORDS = 1000
const VALUE_BYTES = 100
const home = scratchDirectory('bench')
test.after(() => rmSync(home, { recursive: true, force: true }))

/** What a row measures of a definition, one process instead of one a case. */
async function measured(module: PeerModule, variant: string, workload: WorkloadName): Promise<Figures> {
  const directory = join(home, `${variant}-${workload}`)
  mkdirSync(directory)
  const open: OpenPeer = async (options) => {
    const peer = module.createPeer(variant)
    await peer.open(directory, options)
    return peer
  }
  if (workload === 'reopen') {
    const filled = await open({ valueBytes: VALUE_BYTES, commit: 'bulk', durable: false })
    await fill(filled, RECORDS, BULK_BATCH, VALUE_BYTES)
    await filled.close()
  }
  return runWorkload(open, { workload, valueBytes: VALUE_BYTES, records: RECORDS })
}

for (const { name, module, variant, workloads } of oncelogs) {
  test(`${name}: ${workloads.join(', ')}`, async () => {
    const peer = module.pathname.endsWith('/exactly-once.ts') ? exactlyOnce : log
    for (const workload of workloads) {
      const figures = await measured(peer, variant, workload)
      const judged = [
        ...RATIO_TARGETS.filter((each) => each.workload === workload).map(({ figure }) => figures[figure]),
        ...BOUND_TARGETS.filter((each) => each.workload === workload && each.peer === name && each.above === undefined)
          // What a process has of its own, memory and bytes on its disk, only the harness knows.
          .filter(({ title }) => !title.startsWith('disk'))
          .map((each) => each.of(figures)),
      ]
      for (const figure of judged) assert.ok(Number.isFinite(figure), `${workload}: ${JSON.stringify(figures)}`)
    }
  })
}

test.run()
