import type { Mutant } from './mutant.ts'

const random = 'salvage/random.test.ts'
const around = 'salvage/around.test.ts'
const beyond = 'salvage/beyond-lost.test.ts'
const crash = 'salvage/crash.test.ts'
const newLog = 'log/new-log/new-log.test.ts'
const command = 'cli/salvage.test.ts'
const survey = 'log/survey/segment-survey.ts'

export const SALVAGE: readonly Mutant[] = [
  {
    name: 'salvage: what a recovery has noted as lost isn’t listed',
    file: 'log/salvage/partition-survey.ts',
    find: '  holes.push(...notedLosses(known, [...runs, ...holes]))\n',
    put: '',
    tests: ['salvage/behind-an-extent.test.ts'],
  },
  {
    name: 'salvage: what a segment lacks that ends where it was noted isn’t listed',
    file: survey,
    find: 'if (Number.isFinite(endOffset)) this.#lose(this.#place.offset, endOffset',
    put: 'if (Number.isFinite(endOffset) && endPosition > this.#place.position) this.#lose(this.#place.offset, endOffset',
    tests: [beyond],
  },
  {
    name: 'salvage: offsets up to a ceiling count as lost',
    file: 'log/survey/partition-remains.ts',
    find: 'isActive && nextBase === noted?.nextOffset ? facts.nextOffset : nextBase',
    put: 'nextBase',
    tests: [beyond],
  },
  {
    name: 'salvage: a first segment that is gone isn’t listed',
    file: 'log/salvage/partition-survey.ts',
    find: 'const holes: Hole[] = lackingFirst(known, segments[0])',
    put: 'const holes: Hole[] = []',
    tests: [beyond],
  },
  {
    name: 'salvage: each batch of a frame gets a segment',
    file: 'log/salvage/copy-partition.ts',
    find: 'if (run.baseOffset !== into.nextOffset) into.seal()',
    put: 'into.seal()',
    tests: [around],
  },
  {
    name: 'salvage: what can be read once only is left out in silence',
    file: 'log/survey/survey-context.ts',
    find: "if (typeof batch === 'string') throw readOtherwise(file.path, position, batch)",
    put: "if (typeof batch === 'string') return",
    tests: [around],
  },
  {
    name: 'salvage, verify: a damaged length asks for all the memory that there is',
    file: 'log/segment/batch-scanner.ts',
    find: "    if (sizeBytes > BATCH_BYTES_MAX) return 'bad-length'\n",
    put: '',
    tests: ['log/segment/batch-scanner.test.ts'],
  },
  {
    name: 'a ring that was overwritten has lost nothing',
    file: 'log/salvage/decisions-without-frames.ts',
    find: 'if (first !== undefined) losses.push(first)',
    put: '',
    tests: ['salvage/sources.test.ts'],
  },
  {
    name: 'salvage: what is whole and sums up to something else is taken',
    file: survey,
    find: 'if (isForeign || !this.#hasTimesOf(noted)) {',
    put: 'if (!this.#hasTimesOf(noted)) {',
    tests: ['salvage/survey.test.ts'],
  },
  {
    name: 'salvage: the batch with a flipped bit in its head is taken',
    file: survey,
    find: 'const isProven = index !== flipped',
    put: 'const isProven = index !== flipped || true',
    tests: [random, 'salvage/survey.test.ts'],
  },
  {
    name: 'salvage: what follows a found batch needn’t agree with it',
    file: 'log/survey/next-batch.ts',
    find: "agreement(scanner, bounds, batch, position) !== 'agrees'",
    put: "agreement(scanner, bounds, batch, position) === 'contradicts'",
    tests: ['salvage/survey.test.ts'],
  },
  {
    name: 'salvage: batches of a frame fill no hole',
    file: 'log/salvage/partition-survey.ts',
    find: "run.kind === 'extent' ? []",
    put: "run.kind !== 'ceiling' ? []",
    tests: ['salvage/sources.test.ts'],
  },
  {
    name: 'salvage: what stands after a missing frame is left',
    file: 'log/salvage/journal-remains.ts',
    find: '[...frames, ...beyondGap]',
    put: '[...frames]',
    tests: ['salvage/sources.test.ts'],
  },
  {
    name: 'salvage: a later commit speaks for what stands before a hole',
    file: 'log/salvage/copy-partition.ts',
    find: 'parts.filter((part) => part.isLeftOut)',
    put: 'parts.filter((part) => part.isLeftOut && part.producerId < 0)',
    tests: [random],
  },
  {
    name: 'salvage: a hole is no end of what is open',
    file: 'log/salvage/undecided.ts',
    find: 'for (const open of this.#open) open.hole ??= hole',
    put: 'void hole',
    tests: [random],
  },
  {
    name: 'salvage: the copy goes on at the last batch that it has',
    file: 'log/salvage/salvage.ts',
    find: 'Math.max(survey.nextOffset, logStartOffset, this.#remains.ceilings.get(key) ?? 0)',
    put: 'Math.max(survey.runs.at(-1)?.nextOffset ?? 0, logStartOffset)',
    tests: [random, around],
  },
  {
    name: 'salvage: records below the log start come back',
    file: 'log/salvage/salvage.ts',
    find: '    const logStartOffset = this.#logStart(id)\n',
    put: '    const logStartOffset = 0\n',
    tests: [random],
  },
  {
    name: 'salvage: what the checkpoint remembers of producers stays, whatever is lost',
    file: 'log/salvage/copy-partition.ts',
    find: 'isWhole ? known.stored()',
    put: 'noted !== undefined ? known.stored()',
    tests: [random],
  },
  {
    name: 'salvage: the target is a log from its first file on',
    file: 'log/new-log/new-log.ts',
    find: '      yield* beginCopy(store)\n',
    put: '',
    tests: [newLog, crash],
  },
  {
    name: 'salvage: a hole stands within a segment',
    file: 'log/new-log/new-partition.ts',
    find: 'return !mayFollow({ baseOffset, leaderEpoch }, this.#nextOffset, this.leaderEpoch, isCleaned)',
    put: 'return !mayFollow({ baseOffset, leaderEpoch }, this.#nextOffset, this.leaderEpoch, true)',
    tests: [newLog],
  },
  {
    name: 'salvage: the log goes on in the last of the given segments',
    file: 'log/new-log/new-partition.ts',
    find: '    yield* this.#roll(end)\n    const { store }',
    put: '    if (this.#segments.active === undefined) yield* this.#roll(end)\n    const { store }',
    tests: [newLog],
  },
  {
    name: 'salvage: a source that somebody holds is read',
    file: 'entry/embedded/salvage.ts',
    find: 'const lock = await lockUntouched(source)',
    put: 'const lock = await Promise.resolve({ release() {} })',
    tests: [command],
  },
  {
    name: 'damage: what compaction replaced goes, though the new segment is damaged',
    file: 'log/recovery/settle-swaps.ts',
    find: '    if (file.isDamaged) return',
    put: '    if (file.isDamaged && file.path === "") return',
    tests: ['salvage/swaps.test.ts'],
  },
  {
    name: 'damage: after a missing frame a rewritten segment is looked for where it is not yet',
    file: 'log/recovery/recovered-partitions.ts',
    find: '    yield* this.#readSwapped(files, noted)\n    files.readOnly = true\n',
    put: '    files.readOnly = true\n',
    tests: ['salvage/swaps.test.ts'],
  },
  {
    name: 'damage: verify looks at what compaction replaced',
    file: 'log/survey/noted-segments.ts',
    find: 'return (yield* isNotedSegment(context, path, noted)) ? path : path + SWAP_SUFFIX',
    put: 'return path',
    tests: ['salvage/swaps.test.ts'],
  },
  {
    name: 'damage: verify knows nothing of a partition without a directory',
    file: 'log/verify/partition-places.ts',
    find: '  if (topic === undefined) return undefined\n',
    put: '  if (topic !== "") return undefined\n',
    tests: ['salvage/kinds.test.ts'],
  },
]
