import type { FinalOffset, FinalRead, History, OffsetCommit, Poll, Position, Send, TransactionEnd } from './history.ts'

/** Collects one history. Clients call it as they are answered, the calls of one client in its own order. */
export class HistoryRecorder implements History {
  readonly sends: Send[] = []
  readonly transactions: TransactionEnd[] = []
  readonly steps: (Poll | Position)[] = []
  readonly commits: OffsetCommit[] = []
  readonly finalReads: FinalRead[] = []
  readonly finalOffsets: FinalOffset[] = []
  #tick = 0

  /** Orders what happened: ask for one before a transaction's end is asked for, and when a poll was answered. */
  tick(): number {
    return ++this.#tick
  }

  sent(send: Send): void {
    this.sends.push(send)
  }

  transactionEnded(end: TransactionEnd): void {
    this.transactions.push(end)
  }

  polled(poll: Omit<Poll, 'step' | 'answeredAt'>): void {
    this.steps.push({ step: 'poll', answeredAt: this.tick(), ...poll })
  }

  positioned(position: Omit<Position, 'step'>): void {
    this.steps.push({ step: 'position', ...position })
  }

  offsetCommitted(commit: OffsetCommit): void {
    this.commits.push(commit)
  }

  finallyRead(read: FinalRead): void {
    this.finalReads.push(read)
  }

  finalOffset(offset: FinalOffset): void {
    this.finalOffsets.push(offset)
  }
}
