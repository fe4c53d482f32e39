import type { Mutant } from './mutant.ts'

const reserveAndFence = 'log/store/reserve-and-fence.test.ts'

export const STORE: readonly Mutant[] = [
  {
    name: "another opening's generation is overlooked",
    file: 'log/journal/journal.ts',
    find: '    if (header?.generation === this.#header.generation) return\n',
    put: '    if (header !== undefined) return\n',
    tests: [reserveAndFence],
  },
  {
    name: 'large frames leave small ones no room',
    file: 'log/journal/ring.ts',
    find: '    return free > AMPLE_FILES\n',
    put: '    return free >= 0\n',
    tests: ['log/journal/ring.test.ts', 'log/store/large-frames.test.ts'],
  },
  {
    name: 'a full disk gives up no reserve',
    file: 'log/store/disk-reserve.ts',
    find: '      yield* this.#release(0)\n      return yield* work()\n',
    put: '      throw error\n',
    tests: [reserveAndFence],
  },
  {
    name: 'headers that can be gone through once are lost behind a first send',
    file: 'client/producer/producer.ts',
    find: '{ ...copy, headers }\n',
    put: '{ ...copy, headers: headers && record.headers }\n',
    tests: ['damage/odd-values.test.ts'],
  },
]
