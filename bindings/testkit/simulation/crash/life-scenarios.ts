import type { Scenario } from './exploration.ts'

/** Topics, producers, groups, closes and failures. */
export const lifeScenarios: readonly Scenario[] = [
  {
    name: 'topic created, deleted and made anew',
    rules: [7],
    run(client) {
      client.createTopic('t')
      client.put('t', 0, { count: 3 })
      client.commit('g', 't', 0, 3)
      // Right before the deletion: in frames that no checkpoint covers, so that recovery meets them.
      client.put('t', 0)
      client.put('t', 0)
      client.deleteTopic('t')
      client.createTopic('t')
      client.put('t', 0, { producer: 'b' })
      client.commit('g', 't', 0, 1)
    },
  },
  {
    name: 'topic deleted of which a group has more offsets than a frame holds',
    rules: [7, 3],
    run(client) {
      const group = 'of-a-long-name'.repeat(100)
      const partitions = 13
      client.createTopic('t', partitions)
      for (let partition = 0; partition < partitions; partition++) client.commit(group, 't', partition, 0)
      client.deleteTopic('t')
      client.createTopic('t', 2)
      client.put('t', 1)
      client.commit(group, 't', 1, 1)
    },
  },
  {
    name: 'topic made anew with fewer partitions, acks 1 before',
    rules: [5, 7],
    run(client) {
      client.createTopic('t', 3)
      client.createTopic('kept')
      for (let partition = 0; partition < 3; partition++) client.put('t', partition, { acks: 1 })
      client.put('kept', 0)
      client.deleteTopic('t')
      client.createTopic('t', 1)
      client.fetch('t', 0)
      client.put('t', 0, { acks: 1, producer: 'b' })
    },
  },
  {
    name: 'partitions added',
    rules: [7],
    run(client) {
      client.createTopic('t')
      client.put('t', 0)
      client.createPartitions('t', 3)
      client.put('t', 2)
      client.put('t', 1, { acks: 1 })
    },
  },
  {
    name: 'log start moved',
    rules: [7, 6],
    run(client) {
      client.createTopic('t')
      client.put('t', 0, { count: 3 })
      client.put('t', 0, { count: 2 })
      client.deleteRecords('t', 0, 3)
      client.put('t', 0)
      client.fetch('t', 0)
    },
  },
  {
    name: 'producer ids over several blocks',
    rules: [8],
    run(client) {
      client.createTopic('t')
      for (let id = 0; id < 10; id++) client.openProducer(`p${id}`)
      client.put('t', 0, { producer: 'p9' })
      client.crash('mixed')
      for (let id = 0; id < 3; id++) client.openProducer(`q${id}`)
    },
  },
  {
    name: 'duplicates while the log lives, at other acks',
    rules: [8],
    run(client) {
      client.createTopic('t')
      const first = client.put('t', 0, { acks: 1, count: 2 })
      client.retry(first, 'all')
      client.settle()
      const second = client.send('t', 0)
      client.retry(second, 1)
      client.retry(second, 'all')
      client.settle()
    },
  },
  {
    name: 'retries after a power failure that took acks 1',
    rules: [5, 8],
    run(client) {
      client.createTopic('t')
      client.put('t', 0)
      const lost = [client.put('t', 0, { acks: 1 }), client.put('t', 0, { acks: 1, count: 2 })]
      client.fetch('t', 0)
      client.crash('none')
      for (const index of lost) client.retry(index, 'all')
      client.settle()
      client.fetch('t', 0)
    },
  },
  {
    name: 'process death, then a retry at acks all',
    rules: [6, 8],
    run(client) {
      client.createTopic('t', 2)
      const first = client.put('t', 0, { acks: 1 })
      client.put('t', 1)
      client.crash('kill')
      client.retry(first, 'all')
      client.settle()
    },
  },
  {
    name: 'clean close and reopen',
    rules: [4, 6],
    run(client) {
      client.createTopic('t', 2)
      client.put('t', 0)
      client.put('t', 1, { acks: 1 })
      client.close()
      client.open({ isClean: true })
      client.put('t', 0, { producer: 'b' })
    },
  },
  {
    name: 'clean closes of a log that did nothing',
    rules: [4, 6],
    run(client) {
      client.createTopic('t')
      client.put('t', 0)
      for (let time = 0; time < 3; time++) {
        client.close()
        client.open({ isClean: true })
      }
    },
  },
  {
    name: 'unclean reopen at the ceiling, more sends, again',
    rules: [5, 6],
    run(client) {
      client.createTopic('t')
      for (const mode of ['none', 'mixed', 'kill'] as const) {
        client.put('t', 0, { acks: 1, producer: mode })
        client.fetch('t', 0)
        client.crash(mode)
      }
      client.put('t', 0, { producer: 'last' })
      client.fetch('t', 0)
    },
  },
  {
    name: 'committed offsets',
    rules: [3],
    run(client) {
      client.createTopic('t', 2)
      client.put('t', 0, { count: 4 })
      client.put('t', 1, { count: 2 })
      client.commit('g', 't', 0, 1)
      client.commit('h', 't', 0, 4)
      client.commit('g', 't', 1, 2)
      client.commit('g', 't', 0, 3)
      client.put('t', 1, { acks: 1 })
      client.fetch('t', 1)
      client.commit('g', 't', 1, 3)
    },
  },
  {
    name: 'committed offsets beside sends in flight',
    rules: [3, 1],
    run(client) {
      client.createTopic('t', 2)
      client.put('t', 0, { count: 4 })
      for (let offset = 1; offset < 4; offset++) {
        client.send('t', 1, { acks: offset === 2 ? 1 : 'all' })
        client.send('t', 0)
        client.commit('g', 't', 0, offset)
      }
      client.settle()
    },
  },
  {
    name: 'crash after crash, with decisions between',
    rules: [3, 6],
    run(client) {
      client.createTopic('t', 2)
      client.put('t', 0, { count: 3 })
      client.commit('g', 't', 0, 1)
      client.crash('kill')
      client.commit('g', 't', 0, 2)
      client.crash('mixed')
      client.commit('g', 't', 0, 3)
      client.put('t', 1, { acks: 1, producer: 'b' })
    },
  },
  {
    name: 'disk full, then released',
    rules: [10, 2],
    failsDisk: true,
    run(client) {
      client.createTopic('t', 2)
      client.put('t', 0)
      const { storage } = client.world
      storage.freeBytes = 700
      for (let round = 0; round < 4; round++)
        client.send('t', round % 2, { sizeBytes: 400, acks: round === 2 ? 1 : 'all' })
      client.settle()
      storage.freeBytes = Number.POSITIVE_INFINITY
      client.put('t', 0, { producer: 'b' })
      client.fetch('t', 0)
    },
  },
  {
    name: 'flush fails, then the log is opened anew',
    rules: [10, 6],
    failsDisk: true,
    run(client) {
      client.createTopic('t', 2)
      client.put('t', 0)
      client.put('t', 1, { acks: 1 })
      client.failNextFlush('new')
      client.trySend('t', 0)
      client.crash('mixed')
      client.put('t', 0, { producer: 'b' })
    },
  },
  {
    name: 'flush fails and shows the old content, then kill',
    rules: [10, 6],
    failsDisk: true,
    run(client) {
      client.createTopic('t', 2)
      client.put('t', 0)
      client.failNextFlush('old')
      client.trySend('t', 1)
      client.crash('none')
      client.put('t', 1, { producer: 'b' })
    },
  },
]
