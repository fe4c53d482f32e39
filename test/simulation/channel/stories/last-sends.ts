import type { SimulatedProcess } from '../process.ts'
import { commit, type Drawn, drawValue } from '../programs.ts'
import { ALL_PARTITIONS, note, type World } from '../world.ts'

/** How far each process has read along, by `process/partition`. */
export type Reached = ReadonlyMap<string, number>

/**
 * Programs have ended, and nothing goes wrong any more: a log that takes nothing, from any process or under any
 * transactional id, is as wrong as one that loses something, and so is one that wakes no reader.
 */
export async function sendLast(
  processes: readonly SimulatedProcess[],
  world: World,
  reached: Reached,
  transactionalIds: readonly string[] = [],
): Promise<void> {
  const sent: Drawn[] = []
  for (const process of processes) {
    await Promise.race([
      process.ended,
      untilTaken(process, world, async () => void sent.push(...(await plain(process, world)))),
    ])
    for (const id of transactionalIds)
      await Promise.race([process.ended, untilTaken(process, world, () => transact(process, world, id))])
  }
  for (const process of processes) await Promise.race([process.ended, untilRead(process, sent, reached)])
}

async function untilTaken(process: SimulatedProcess, world: World, ask: () => Promise<void>): Promise<void> {
  for (;;) {
    try {
      return await ask()
    } catch (error) {
      note(world, process, error)
      await process.sleep(20)
    }
  }
}

function draw(process: SimulatedProcess, world: World, transaction?: string): Drawn[] {
  return ALL_PARTITIONS.map((partition) => {
    const record = { topic: 't', partition, value: drawValue(process, world) }
    return { send: world.recording.send({ ...record, producer: process.name, transaction }), record }
  })
}

async function plain(process: SimulatedProcess, world: World): Promise<readonly Drawn[]> {
  const drawn = draw(process, world)
  const sent = process.log.producer().send(drawn.map(({ record }) => record))
  world.recording.acknowledged(
    drawn.map(({ send }) => send),
    await process.whileAlive(sent),
  )
  return drawn
}

async function transact(process: SimulatedProcess, world: World, transactionalId: string): Promise<void> {
  const { recording } = world
  const transaction = await process.whileAlive(process.log.producer({ transactionalId }).beginTransaction())
  const end = recording.begin(process.name)
  const drawn = draw(process, world, end.id)
  const sent = transaction.send(drawn.map(({ record }) => record))
  recording.acknowledged(
    drawn.map(({ send }) => send),
    await process.whileAlive(sent),
  )
  await commit(process, world, end, () => transaction.commit())
}

async function untilRead(process: SimulatedProcess, sent: readonly Drawn[], reached: Reached): Promise<void> {
  const isLeft = () => {
    return sent.some(
      ({ send: { partition, offset = -1 } }) => (reached.get(`${process.name}/${partition}`) ?? -1) < offset,
    )
  }
  while (isLeft()) await process.sleep(20)
}
