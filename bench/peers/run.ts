import { benchCommand } from '../harness/command.ts'
import { peers } from './peer.ts'

await benchCommand(peers, process.argv.slice(2))
