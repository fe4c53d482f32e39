import { BrokerLog, type Log } from '../../bindings/client/log.ts'
import { Engine } from '../../bindings/engine/engine.ts'
import { EmbeddedBroker } from '../../bindings/engine/sessions/embedded-broker.ts'
import { nodePort } from '../../bindings/entry/embedded/node-port.ts'
import { createKernel } from '../../bindings/kernel/create-kernel.ts'
import type { Kernel } from '../../bindings/kernel/kernel.ts'
import { loadKernelModule } from '../../bindings/kernel/load-kernel.ts'
import { PartitionFactory } from '../../bindings/log/partition/partition-factory.ts'
import { FilePartitionStore } from '../../bindings/log/store/file-partition-store.ts'
import { VirtualDisk } from '../../bindings/testkit/simulation/virtual-disk.ts'

/** A log as `open` makes it, with what a program doesn't see in sight: its sessions, its kernel, its disk. */
export interface Stage {
  readonly log: Log
  readonly broker: EmbeddedBroker
  readonly kernel: Kernel
  readonly disk: VirtualDisk
}

const RING = { ringFileBytes: 65_536, ringFiles: 2, ringFilesUsual: 2, ringFilesMax: 8, openFilesMax: 64 }

export async function openStage(disk: VirtualDisk = new VirtualDisk(), capBytes: number = 8 << 20): Promise<Stage> {
  const kernel = createKernel(loadKernelModule(), { capBytes })
  const engine = new Engine({
    ceilingBlock: 100,
    transactionBufferBytes: 64 * 1024,
    compose: (source) => {
      const store = new FilePartitionStore(disk, kernel, source, { ...RING, random: nodePort.random })
      return { store, factory: new PartitionFactory(kernel, store, 1 << 20, store.scratch) }
    },
  })
  const broker = new EmbeddedBroker(engine, nodePort)
  await broker.open()
  return { log: new BrokerLog(broker, nodePort), broker, kernel, disk }
}

/** All that a program can ask of a log, as one text. */
export async function factsOf(log: Log): Promise<string> {
  const facts: unknown[] = (await log.admin.listGroups()).flatMap(({ offsets }) => offsets)
  for (const topic of await log.admin.listTopics()) {
    const { partitions, topicId } = await log.admin.describeTopic(topic)
    const places = Array.from({ length: partitions }, (_, partition) => ({ topic, partition }))
    facts.push(topic, topicId, await log.admin.offsets(places))
    for await (const { partition, offset, value } of log.read(topic, { until: 'end' }))
      facts.push([partition, offset, Buffer.from(value ?? []).toString('latin1')])
  }
  return JSON.stringify(facts)
}
