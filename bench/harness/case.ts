import { pathToFileURL } from 'node:url'
import { diskBytes, writtenBytes } from './machine.ts'
import type { Peer, PeerModule } from './peer.ts'
import type { WorkloadRequest } from './workload.ts'
import { fillAndDie, runWorkload, touchedBytes } from './workloads.ts'

// One process per measurement: reads what to do from its argument, prints one JSON object, exits.
export interface CaseRequest extends WorkloadRequest {
  /** Bundled JavaScript of the peer's module. */
  readonly module: string
  readonly variant: string
  readonly directory: string
  /** Fill and die by SIGKILL instead of measuring. */
  readonly die: boolean
}

const request = JSON.parse(process.argv[2] as string) as CaseRequest
const rssBefore = process.resourceUsage().maxRSS
const importing = performance.now()
const peerModule = (await import(pathToFileURL(request.module).href)) as PeerModule
const importMs = performance.now() - importing
const before = writtenBytes()
const cpuBefore = process.cpuUsage()

const open = async (options: Parameters<Peer['open']>[1]): Promise<Peer> => {
  const peer = peerModule.createPeer(request.variant)
  await peer.open(request.directory, options)
  return peer
}

if (request.die) await fillAndDie(open, request)
const figures = await runWorkload(open, request)
const { payload, warmUpPayload = 0 } = figures
const after = writtenBytes()
if (payload !== undefined) {
  // The process wrote all of it, though some counts of a peer begin after the warm-up.
  const inAll = payload + warmUpPayload
  figures['passedPerPayloadByte'] = (after.passed - before.passed) / inAll
  figures['dirtiedPerPayloadByte'] = (after.dirtied - before.dirtied) / inAll
  figures['diskPerPayloadByte'] = diskBytes(request.directory) / inAll
}
const { user, system } = process.cpuUsage(cpuBefore)
figures['userMs'] = user / 1000
figures['systemMs'] = system / 1000
figures['importMs'] = importMs
figures['rssGrowthMb'] = (process.resourceUsage().maxRSS - rssBefore) / 1024
figures['touched'] = touchedBytes()
process.stdout.write(`${JSON.stringify(figures)}\n`)
