// Whatever removes files waits while a backup needs them, and nothing else does; a log that closes waits for no backup.
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { Background } from '../../bindings/engine/background.ts'
import { TaskRunner } from '../../bindings/engine/task-runner.ts'
import { perform, type Task } from '../../bindings/storage/effect.ts'
import type { PartitionStore } from '../../bindings/storage/partition-store.ts'

function setup() {
  const done: string[] = []
  const backup = { needsFiles: false, isCheckpointDue: false }
  const runner = new TaskRunner()
  const task = function* (name: string): Task<void> {
    yield* perform('remove', name, () => void done.push(name))
  }
  const store = {
    backupNeedsFiles: () => backup.needsFiles,
    maintenanceIsDue: () => backup.isCheckpointDue,
    maintenance: () => (backup.isCheckpointDue ? task('checkpoint') : undefined),
  } as unknown as PartitionStore
  const background = new Background(runner, store, (error) => {
    throw error
  })
  const remove = () => background.run(task('removal'), () => {})
  const turn = () => {
    if (background.isDue) background.start()
    for (const issued of runner.take()) runner.complete(issued, { value: issued.effect.run() })
    return done.splice(0)
  }
  return { backup, background, remove, turn }
}

test('a removal waits for the end of the backup, checkpoints don’t', () => {
  const { backup, background, remove, turn } = setup()
  backup.needsFiles = true
  remove()
  assert.equal([turn(), background.isDue, background.isIdle], [[], false, false])
  backup.isCheckpointDue = true
  assert.equal(turn(), ['checkpoint'])
  backup.isCheckpointDue = false
  assert.equal(turn(), [])
  backup.needsFiles = false
  assert.equal([turn(), background.isIdle], [['removal'], true])
})

test('once the log is to close it waits no longer', () => {
  const { backup, background, remove, turn } = setup()
  backup.needsFiles = true
  remove()
  assert.equal(turn(), [])
  background.closing()
  assert.equal([turn(), background.isIdle], [['removal'], true])
})

test.run()
