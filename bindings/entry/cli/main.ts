import { commandLine } from './command-line.ts'

await commandLine(process.argv).parseAsync()
