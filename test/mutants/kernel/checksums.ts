import type { Mutant } from '../mutant.ts'
import { faultsOf } from './faults.ts'

const CRC = faultsOf('crc32c.ts', ['crc32c'], {
  'another polynomial': ['0x82f63b78 & -(crc & 1)', '0x82f63b38 & -(crc & 1)'],
  'the last byte is left out of a short checksum': [
    'for (; address < end; address++)\n    register',
    'for (; address + 1 < end; address++)\n    register',
  ],
  'one tap of the registers is off by a byte': [
    'i8x16.shuffle(e, d, 10, 11, 12, 13, 14, 15, 16, 17, 18, 19, 20, 21, 22, 23, 24, 25)',
    'i8x16.shuffle(e, d, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18, 19, 20, 21, 22, 23, 24)',
  ],
  'bytes before the first one count': ['v128.and(v128.load(at), i8x16.ge_s(lanes, shift))', 'v128.load(at)'],
  'what came before lies over the padding': ['i8x16.swizzle(seed, i8x16.sub(lanes, shift)),', 'seed,'],
  'what came before ends with the first vector': ['v128.xor(v128.load(at, 16), secondSeed)', 'v128.load(at, 16)'],
  'vectors that are no multiple of seven are one too few': ['odd = vectors % 7;', 'odd = vectors % 7 - 1;'],
  'a chunk of the window forgets the one before': ['    memory.copy(CRC_WINDOW, at - HISTORY, HISTORY)\n', ''],
  'the window begins with what another checksum left': ['  memory.fill(CRC_WINDOW, 0, HISTORY)\n', ''],
  'taps behind the end are not zero': ['  memory.fill(CRC_WINDOW + HISTORY, 0, HISTORY + 16)\n', ''],
  'a long checksum begins anew': ['return ~byWindow(~before,', 'return ~byWindow(~0,'],
  'a checksum of middle length begins anew': ['return ~byRegisters(~before,', 'return ~byRegisters(~0,'],
})

const SIPHASH = faultsOf('siphash.ts', ['siphash'], {
  'a hash with half of the rounds': ['let rounds = 2', 'let rounds = 1'],
  'a hash without its length': ['let last = (<u64>length) << 56', 'let last: u64 = 0'],
  'the last bytes of a hash lie over one another': ['<< ((<u64>index) << 3)', '<< (<u64>index)'],
  'the second half of a hash is the first': ['        v1 ^= 0xdd\n', ''],
  'a hash ends with as few rounds as a word has': ['      rounds = 4\n', ''],
  'half of the key counts': ['v3 = key1 ^', 'v3 = key0 ^'],
})

export const CHECKSUMS: readonly Mutant[] = [...CRC, ...SIPHASH]
