/** What fuzzing found once: by target, as its `--bytes` has it, and what has to become of it now. */
export interface Found {
  readonly target: string
  readonly hex: string
  readonly outcome: 'taken' | 'refused'
  readonly because: string
}

export const FOUND: readonly Found[] = [
  {
    target: 'answers of the holder',
    hex: '003c04000000000300000008020000000a000000626173654f66667365740400000003000000010000000100000074000000000000000000001440000000000000000000000000000022400000000000003c04000000000300000008020000080a000000626173654f6666736574040000000000001c4080000000617070656e6454696d65040000000000001440',
    outcome: 'refused',
    because: 'a call whose answer could not be read never ended',
  },
  {
    target: 'input of the command line',
    hex: '02000022',
    outcome: 'refused',
    because: 'CSV was refused without a code, and the message showed what stood in it',
  },
  {
    target: 'requests of attached processes',
    hex: '002101000000100000006c6973745472616e73616374696f6e730000000000',
    outcome: 'refused',
    because: 'a call without its list of arguments failed without a code',
  },
  {
    target: 'records of transactions',
    hex: '0006000000020000003100010000000000000000000000000000000000000000000000000000000000000000020008ffff00000000000000020000',
    outcome: 'refused',
    because: 'a former producer id that is negative was taken',
  },
]
