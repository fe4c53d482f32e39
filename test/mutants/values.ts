import type { Mutant } from './mutant.ts'

const table = 'process/table.test.ts'
const encodedText = 'client/encode-text.test.ts'
const keptValue = 'process/kept-value.test.ts'
const ownValues = 'process/own-values.test.ts'
const lateState = 'process/late-state.test.ts'

/** Values that programs are given by processors and tables, and bytes that they give. */
export const VALUES: readonly Mutant[] = [
  {
    name: 'what a try that failed did to bytes of the state stays',
    file: 'client/process/keyed-state.ts',
    find: 'decoded(codec, ownBytes(codec, found.bytes, this.#memory)',
    put: 'decoded(codec, found.bytes',
    tests: [ownValues],
  },
  {
    name: 'state that handle sets after it has ended is lost in silence',
    file: 'client/process/batch-work.ts',
    find: 'context)\n        state.end(layers)\n',
    put: 'context)\n',
    tests: [lateState],
  },
  {
    name: 'state that a handle that failed sets afterwards is lost in silence',
    file: 'client/process/batch-work.ts',
    find: '      } catch (failure) {\n        state.end(layers)\n',
    put: '      } catch (failure) {\n',
    tests: [lateState],
  },
  {
    name: 'state keeps bytes that are the program’s',
    file: 'client/process/keyed-state.ts',
    find: 'record.value && ownBytes(this.#changelog.value, record.value as Uint8Array, this.#memory)',
    put: 'record.value as Uint8Array | null',
    tests: [ownValues],
  },
  {
    name: 'state keeps the batches alive that its values were read from',
    file: 'client/process/kept-value.ts',
    find: 'this.bytes = ownMemory(this.bytes, replaced?.bytes)',
    put: '',
    tests: [keptValue],
  },
  {
    name: 'a table keeps the batches alive that its values were read from',
    file: 'client/process/table-values.ts',
    find: 'value && ownMemory(value, this.#valueIn(text, partition))',
    put: 'value',
    tests: [keptValue],
  },
  {
    name: 'a text that is not ASCII ends where an ASCII one would',
    file: 'client/topic/encode-text.ts',
    find: '.read === length',
    put: '.written <= length',
    tests: [encodedText],
  },
  {
    name: 'the next text is written over one that is not ASCII',
    file: 'model/batch-memory.ts',
    find: '(byteOffset + sizeBytes + 7)',
    put: 'byteOffset',
    tests: [encodedText],
  },
  {
    name: 'a record that is handled again comes as the try before left it',
    file: 'client/process/batch-work.ts',
    find: 'attempt === 1 ? record : ConsumedRecord.again(record)',
    put: 'record',
    tests: [ownValues],
  },
  {
    name: 'a table that always finds something looks for no partitions that were added',
    file: 'client/process/table.ts',
    find: `      await fetchInto(this.#reader, partitions, partitions.length)
      if (!this.#isStopped) await`,
    put: `      const before = JSON.stringify(this.asOf)
      await fetchInto(this.#reader, partitions, partitions.length)
      if (!this.#isStopped && JSON.stringify(this.asOf) === before) await`,
    tests: [table],
  },
  {
    name: 'what a program does to bytes of a table stays',
    file: 'client/process/table.ts',
    find: 'decoded(codec, ownBytes(codec, encoded, this.#memory)',
    put: 'decoded(codec, encoded',
    tests: [table],
  },
  {
    name: 'two stores of state share a changelog',
    file: 'client/process/process-options.ts',
    find: 'if (changelogs.size < stores.length) throw',
    put: 'if (changelogs.size > stores.length) throw',
    tests: ['process/process.test.ts'],
  },
  {
    name: 'ingest looks for a position at the last item of a transaction alone',
    file: 'client/process/ingest.ts',
    find: 'if (!batch.every(hasPosition)) throw',
    put: 'if (!hasPosition(batch.at(-1))) throw',
    tests: ['process/ingest.test.ts'],
  },
  {
    name: 'an error with fields is written as JSON, without its message',
    file: 'client/topic/json-form.ts',
    find: '(names.length === 0 || keepsMore(object))',
    put: 'names.length === 0',
    tests: ['damage/odd-values.test.ts'],
  },
  {
    name: 'a table takes partitions of another topic for its own',
    file: 'client/process/table.ts',
    find: 'if (read.every(({ topicId }) => topicId === first?.topicId)) this',
    put: 'this',
    tests: [table],
  },
  {
    name: 'memory that grows while a key is asked for its length is written where it was',
    file: 'kernel/batch-builder.ts',
    find:
      '    let keyBytes = bytesOf(key)\n' +
      '    let keyLength = keyBytes === undefined ? -1 : presentLength(keyBytes)\n' +
      '    let valueBytes = bytesOf(value)\n' +
      '    let valueLength = valueBytes === undefined ? -1 : presentLength(valueBytes)\n' +
      '    const u8 = this.#renewViews()\n',
    put:
      '    const u8 = this.#renewViews()\n' +
      '    let keyBytes = bytesOf(key)\n' +
      '    let keyLength = keyBytes === undefined ? -1 : presentLength(keyBytes)\n' +
      '    let valueBytes = bytesOf(value)\n' +
      '    let valueLength = valueBytes === undefined ? -1 : presentLength(valueBytes)\n',
    tests: ['kernel/batch-encode.test.ts'],
  },
]
