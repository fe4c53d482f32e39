/**
 * One writer after the other on one directory, each killed with SIGKILL: while it opens, or somewhere in its work. Whatever
 * was acknowledged to any of them is there, once, in order, transactions whole; and every log opens again. The moments come
 * from a seed; what the writer has got to by then, the machine decides.
 */
import { type ChildProcess, fork } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { build } from 'esbuild'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { open } from '../../bindings/entry/node.ts'
import { Random } from '../../bindings/testkit/simulation/random.ts'
import { KillLedger, type Told } from './kill-ledger.ts'

const KILLS = 120
const CHECK_EACH = 20
const SEED = Number(process.argv[2] ?? 1)

const program = `build/killed-writer-${process.pid}.mjs`
const directory = mkdtempSync(join(tmpdir(), 'oncelog-kills-'))
process.once('exit', () => {
  rmSync(program, { force: true })
  rmSync(directory, { recursive: true, force: true })
})

/** In one file, because each kill starts it anew. */
await build({
  entryPoints: ['test/damage/fixtures/killed-writer.ts'],
  outfile: program,
  bundle: true,
  platform: 'node',
  format: 'esm',
  packages: 'external',
  ignoreAnnotations: true,
  logLevel: 'warning',
})

class Victim {
  readonly #process: ChildProcess
  readonly #gone: Promise<unknown>
  isOpened = false
  told = 0
  #heard: () => void = () => {}

  constructor(run: number, ledger: KillLedger) {
    this.#process = fork(program, [directory, String(run)], {
      execArgv: [],
      stdio: ['ignore', 'inherit', 'inherit', 'ipc'],
    })
    this.#gone = once(this.#process, 'exit')
    this.#process.on('message', (told: Told) => {
      ledger.take(told)
      if ('opened' in told) this.isOpened = true
      else this.told++
      this.#heard()
    })
    this.#process.on('exit', () => this.#heard())
  }

  /** Until so much was acknowledged to it; false if it ended by itself. */
  async acknowledged(count: number): Promise<boolean> {
    while (this.told < count && this.#process.exitCode === null) {
      await new Promise<void>((resolve) => {
        this.#heard = resolve
      })
    }
    return this.#process.exitCode === null
  }

  async kill(): Promise<void> {
    this.#process.kill('SIGKILL')
    await this.#gone
  }
}

const sleep = (delayMs: number) => new Promise((resolve) => setTimeout(resolve, delayMs))

test(`${KILLS} writers killed, seed ${SEED}`, async () => {
  const random = new Random(SEED)
  const ledger = new KillLedger()
  let openings = 0
  for (let run = 0; run < KILLS; run++) {
    const victim = new Victim(run, ledger)
    if (random.chance(0.3)) {
      await sleep(random.below(250))
    } else {
      assert.ok(await victim.acknowledged(1 + random.below(60)), 'a writer ended by itself')
      await sleep(random.unit() * 4)
    }
    await victim.kill()
    if (!victim.isOpened) openings++
    if ((run + 1) % CHECK_EACH > 0) continue
    const log = await open(directory, { exclusive: true })
    await ledger.check(log)
    await log.close()
    assert.equal(ledger.violations.slice(0, 10), [], `after ${run + 1} kills`)
  }
  console.log(
    `${KILLS} killed, ${openings} of them before they had opened; ${ledger.count} acknowledgements, all there`,
  )
  assert.ok(openings < KILLS / 2 && ledger.count > KILLS * 10, `${openings} openings, ${ledger.count} acknowledgements`)
})

test.run()
