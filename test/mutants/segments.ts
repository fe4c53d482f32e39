import type { Mutant } from './mutant.ts'

/** Of segments and their indexes. */
export const SEGMENTS: readonly Mutant[] = [
  {
    name: 'a batch that was looked for may be at another offset once it is read',
    file: 'log/segment/segment-reads.ts',
    find: '    if (position === found.position && baseOffset !== found.offset) throw this.#jump(position, found.offset)\n',
    put: '',
    tests: ['log/segment/damage.test.ts'],
  },
  {
    name: 'the indexes of a closed segment go with its file, written or not',
    file: 'log/segment/segment.ts',
    find: '    if (this.#owesIndexes) return\n',
    put: '',
    tests: ['log/segment/segment.test.ts'],
  },
  {
    name: 'nobody writes the indexes of a segment that was rolled over',
    file: 'log/segment/segment.ts',
    find: '    this.#owesIndexes = true\n',
    put: '',
    tests: ['log/segment/roll.test.ts'],
  },
  {
    name: 'the next segment begins with what a crash left under its first name',
    file: 'log/segment/next-segment-file.ts',
    find: "      yield* perform('remove', this.#path, () => store.remove(this.#path))\n",
    put: '',
    tests: ['log/segment/roll.test.ts'],
  },
  {
    name: 'a recovery that rolls leaves the closed segment without indexes',
    file: 'log/segment/segment-list.ts',
    find: '      yield* segment.loadForIndexes(this.#config())\n',
    put: '',
    tests: ['log/store/derived-files.test.ts'],
  },
  {
    name: "a large segment is read whoever's its first batch is",
    file: 'log/segment/foreign-file.ts',
    find: "  if (hasOtherStart(context, file, noted)) return 'others'\n",
    put: '',
    tests: ['damage/foreign-segments.test.ts'],
  },
  {
    name: 'a batch may lie across the end of a segment that was noted',
    file: 'log/segment/foreign-file.ts',
    find: "  return runsBeyond(context, file, noted) ? 'others' : 'unknown'\n",
    put: "  return 'unknown'\n",
    tests: ['damage/foreign-segments.test.ts'],
  },
  {
    name: "salvage takes what lies across a segment's end",
    file: 'log/survey/segment-survey.ts',
    find: '        return beyond?.header.baseOffset === place.offset\n',
    put: '        return beyond === undefined && false\n',
    tests: ['damage/foreign-segments.test.ts'],
  },
  {
    name: 'a segment may end with fewer offsets than it had',
    file: 'log/segment/segment-reads.ts',
    find: '      ? nextOffset === this.#segment.nextOffset\n',
    put: '      ? nextOffset <= this.#segment.nextOffset\n',
    tests: ['damage/foreign-segments.test.ts'],
  },
  {
    name: 'a recovery makes the entries of indexes as far apart as by default',
    file: 'log/recovery/unclean-recovery.ts',
    find: '    this.#input.configs.found(live.values())\n',
    put: '',
    tests: ['log/store/derived-files.test.ts'],
  },
  {
    name: 'a close leaves the indexes of the active segment as they are',
    file: 'log/store/close-store.ts',
    find: '    if (yield* files.segments.writeIndexes()) files.changed = true\n',
    put: '',
    tests: ['log/store/derived-files.test.ts'],
  },
]
