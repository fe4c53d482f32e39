import { spawnSync } from 'node:child_process'
import { existsSync, mkdirSync, readFileSync } from 'node:fs'

const CLASSPATH = 'build/kafka-classpath'
const UTF8 = ['-Dfile.encoding=UTF-8', '-Dsun.stdout.encoding=UTF-8', '-Dstdout.encoding=UTF-8']

export type Tools = { readonly classpath: string } | { readonly missing: string }

function runs(program: string, word: string): boolean {
  return spawnSync(program, [word], { encoding: 'utf8' }).status === 0
}

/** Kafka's jars as Maven has them (pom.xml beside this file), or what is missing for them. */
export function kafkaTools(): Tools {
  if (!runs('java', '-version')) return { missing: 'no java' }
  if (!runs('mvn', '-version')) return { missing: 'no mvn' }
  mkdirSync('build', { recursive: true })
  const words = [
    '-q',
    '-B',
    '-f',
    'test/kafka/pom.xml',
    'dependency:build-classpath',
    `-Dmdep.outputFile=${process.cwd()}/${CLASSPATH}`,
  ]
  const done = spawnSync('mvn', words, { encoding: 'utf8', timeout: 600_000 })
  if (done.status === 0 && existsSync(CLASSPATH)) return { classpath: readFileSync(CLASSPATH, 'utf8').trim() }
  return { missing: `Maven gives no jars of Kafka: ${done.stdout.trim().split('\n')[0] ?? ''}` }
}

/** What DumpLogSegments prints of each file. */
export function dumped(classpath: string, files: readonly string[], words: readonly string[]): Map<string, string[]> {
  const call = [...UTF8, '-cp', classpath, 'kafka.tools.DumpLogSegments', ...words, '--files', files.join(',')]
  const done = spawnSync('java', call, { encoding: 'utf8', maxBuffer: 256 << 20 })
  if (done.status !== 0) throw new Error(`DumpLogSegments ended with ${done.status}\n${done.stderr}`)
  const sections = new Map<string, string[]>()
  let lines: string[] = []
  // Of a segment with few batches there may be no entry.
  const saysNothing = (line: string) =>
    line.trim() === '' || /^Log starting offset: \d+$|\.index is empty\.$/.test(line)
  for (const line of done.stdout.split('\n')) {
    if (line.startsWith('Dumping ')) {
      lines = []
      sections.set(line.slice('Dumping '.length), lines)
    } else if (!saysNothing(line)) lines.push(line.trimEnd())
  }
  return sections
}
