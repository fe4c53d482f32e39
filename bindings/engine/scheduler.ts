import type { RuntimePort } from '../broker/runtime-port.ts'
import { isPromise } from '../storage/is-promise.ts'
import type { RecoveryReport } from '../storage/recovery-report.ts'
import type { Command } from './commands.ts'
import type { Engine } from './engine.ts'
import type { IssuedEffect } from './task-runner.ts'

/**
 * If the wall clock and passing time differ by this much, the clock was set. No deadline notices a smaller difference.
 */
const CLOCK_JUMP_MS = 500

/**
 * Runs an engine in real time: its effects, its turns and its deadlines. This is the only place where the engine meets
 * promises.
 */
export class Scheduler {
  readonly #engine: Engine
  readonly #port: RuntimePort
  #turnDeferred = false
  #cancelTimer: (() => void) | undefined
  #timerAt = Number.POSITIVE_INFINITY
  #pumping = false
  /** By how much the wall clock is ahead of passing time, as last seen. */
  #aheadMs: number

  constructor(engine: Engine, port: RuntimePort) {
    this.#engine = engine
    this.#port = port
    this.#aheadMs = port.now() - port.elapsed()
  }

  /**
   * Returns the wall clock's time. If the clock was set, or the machine slept, the engine is told first, so that no
   * deadline comes early or late.
   */
  now(): number {
    const now = this.#port.now()
    // Whole milliseconds, because the engine adds them to the times that it stores, and passing time has fractions.
    const jumpMs = Math.round(now - this.#port.elapsed() - this.#aheadMs)
    if (Math.abs(jumpMs) >= CLOCK_JUMP_MS) {
      this.#aheadMs += jumpMs
      this.#engine.clockMoved(jumpMs)
    }
    return now
  }

  open(): Promise<RecoveryReport> {
    return new Promise((resolve, reject) => {
      this.#engine.open(this.now(), (error, report) => {
        if (report === undefined) reject(error as Error)
        else resolve(report)
      })
      this.#pump()
    })
  }

  submit(command: Command): void {
    this.#engine.step(this.now(), command)
    this.#pump()
  }

  /**
   * Runs effects as long as their results issue others. Hot path: where a turn follows anyway, that turn sets the
   * timer.
   */
  #pump(isTurn = false): void {
    if (this.#pumping) return
    this.#pumping = true
    for (let issued = this.#engine.take(); issued.length > 0; issued = this.#engine.take()) {
      for (const each of issued) this.#run(each)
    }
    this.#pumping = false
    this.#deferTurn()
    if (isTurn || !this.#turnDeferred) this.#setTimer()
  }

  #run(issued: IssuedEffect): void {
    const { effect } = issued
    if (effect.kind === 'yield') {
      // The effect's `run` is called for a yield too: tasks that run side by side wrap it to learn that it is their
      // turn.
      this.#port.defer(() => this.#completed(issued, { value: effect.run() }))
      return
    }
    let result: unknown
    try {
      result = effect.run()
    } catch (error) {
      this.#engine.complete(this.now(), issued, { error })
      return
    }
    if (!isPromise(result)) {
      this.#engine.complete(this.now(), issued, { value: result })
      return
    }
    result.then(
      (value) => this.#completed(issued, { value }),
      (error) => this.#completed(issued, { error }),
    )
  }

  #completed(issued: IssuedEffect, result: { value: unknown } | { error: unknown }): void {
    this.#engine.complete(this.now(), issued, result)
    this.#pump()
  }

  /** Schedules a turn. All that arrives before it is one group commit. */
  #deferTurn(): void {
    if (this.#turnDeferred || !this.#engine.wantsTurn) return
    this.#turnDeferred = true
    this.#port.defer(() => {
      this.#turnDeferred = false
      this.#engine.turn(this.now())
      this.#pump(true)
    })
  }

  #setTimer(): void {
    const deadline = this.#engine.nextDeadline() ?? Number.POSITIVE_INFINITY
    if (deadline === this.#timerAt) return
    this.#cancelTimer?.()
    this.#cancelTimer = undefined
    // If the clock was set since the last look at it, this call moves the deadlines.
    const now = this.now()
    this.#timerAt = this.#engine.nextDeadline() ?? Number.POSITIVE_INFINITY
    if (this.#timerAt === Number.POSITIVE_INFINITY) return
    this.#cancelTimer = this.#port.setTimer(Math.max(0, this.#timerAt - now), () => {
      this.#timerAt = Number.POSITIVE_INFINITY
      this.#engine.tick(this.now())
      this.#pump()
    })
  }
}
