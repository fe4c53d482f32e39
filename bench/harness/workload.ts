import type { Peer, PeerOptions, WorkloadName } from './peer.ts'

export interface WorkloadRequest {
  readonly workload: WorkloadName
  readonly valueBytes: number
  /** Records in all; of durable cases the number of appends follows from it. */
  readonly records: number
}

export type Figures = Record<string, number>

/** Opens a peer anew on the same directory: a process's one, or the one to read what was filled before. */
export type OpenPeer = (options: PeerOptions) => Promise<Peer>
