import { type ChildProcess, spawn, spawnSync } from 'node:child_process'
import { mkdirSync, openSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:net'
import { join } from 'node:path'

const CLASSES = 'build/kafka-classes'
const JAVA = ['-Xmx256m', '-Dfile.encoding=UTF-8', '-Dsun.stdout.encoding=UTF-8', '-Dstdout.encoding=UTF-8']
/** Of `__transaction_state`. */
export const STATE_PARTITIONS = 3
const CLUSTER_ID = 'b25jZWxvZy1jbHVzdGVyMQ'

/** Compiles BrokerClient.java; answers what is missing for it. */
export function compileClient(classpath: string): string | undefined {
  mkdirSync(CLASSES, { recursive: true })
  const words = ['-encoding', 'UTF-8', '-cp', classpath, '-d', CLASSES, 'test/kafka/BrokerClient.java']
  const done = spawnSync('javac', words, { encoding: 'utf8' })
  if (done.error !== undefined) return 'no javac'
  if (done.status !== 0) throw new Error(`BrokerClient.java: ${done.stderr}`)
  return undefined
}

async function freePort(): Promise<number> {
  const server = createServer()
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const address = server.address()
  await new Promise((resolve) => server.close(resolve))
  if (address === null || typeof address === 'string') throw new Error('no port')
  return address.port
}

/** Small, quick to clean, slow to remove what is deleted, and on loopback alone. */
function propertiesOf(directory: string, port: number, controllerPort: number): string {
  const properties = {
    'process.roles': 'broker,controller',
    'node.id': 1,
    'controller.quorum.voters': `1@127.0.0.1:${controllerPort}`,
    listeners: `PLAINTEXT://127.0.0.1:${port},CONTROLLER://127.0.0.1:${controllerPort}`,
    'advertised.listeners': `PLAINTEXT://127.0.0.1:${port}`,
    'controller.listener.names': 'CONTROLLER',
    'listener.security.protocol.map': 'CONTROLLER:PLAINTEXT,PLAINTEXT:PLAINTEXT',
    'log.dirs': directory,
    'num.network.threads': 2,
    'num.io.threads': 2,
    'offsets.topic.num.partitions': 3,
    'offsets.topic.replication.factor': 1,
    'transaction.state.log.num.partitions': STATE_PARTITIONS,
    'transaction.state.log.replication.factor': 1,
    'transaction.state.log.min.isr': 1,
    'group.initial.rebalance.delay.ms': 0,
    'log.cleaner.backoff.ms': 200,
    'log.cleaner.dedupe.buffer.size': 4_194_304,
    'log.segment.delete.delay.ms': 600_000,
    'auto.create.topics.enable': false,
    // Times of records are of years ago.
    'log.retention.ms': -1,
  }
  return Object.entries(properties)
    .map(([key, value]) => `${key}=${value}\n`)
    .join('')
}

/** Apache Kafka in a process of its own, one at a time on a directory. */
export class KafkaBroker {
  readonly directory: string
  readonly #classpath: string
  readonly #bootstrap: string
  readonly #process: ChildProcess
  readonly #ended: Promise<void>

  private constructor(directory: string, classpath: string, bootstrap: string, process: ChildProcess) {
    this.directory = directory
    this.#classpath = classpath
    this.#bootstrap = bootstrap
    this.#process = process
    this.#ended = new Promise((resolve) => process.once('exit', () => resolve()))
  }

  static async start(classpath: string, home: string, directory: string): Promise<KafkaBroker> {
    const [port, controllerPort] = [await freePort(), await freePort()]
    const config = join(home, `${port}.properties`)
    writeFileSync(config, propertiesOf(directory, port, controllerPort))
    const java = [...JAVA, '-cp', classpath]
    const format = ['kafka.tools.StorageTool', 'format', '--ignore-formatted', '-t', CLUSTER_ID, '-c', config]
    const formatted = spawnSync('java', [...java, ...format], { encoding: 'utf8' })
    if (formatted.status !== 0) throw new Error(`StorageTool: ${formatted.stdout}${formatted.stderr}`)
    const output = openSync(join(home, `${port}.out`), 'w')
    const started = spawn('java', [...java, 'kafka.Kafka', config], { stdio: ['ignore', output, output] })
    return new KafkaBroker(directory, classpath, `127.0.0.1:${port}`, started)
  }

  /** One of BrokerClient's words; answers its lines. Its own retries wait until the broker answers. */
  run(word: string): Record<string, unknown>[] {
    const words = [...JAVA, '-cp', `${CLASSES}:${this.#classpath}`, 'BrokerClient', word, this.#bootstrap]
    const done = spawnSync('java', words, { encoding: 'utf8', maxBuffer: 256 << 20, timeout: 240_000 })
    if (done.status !== 0) throw new Error(`BrokerClient ${word}: ${done.stderr.slice(-4000)}`)
    return done.stdout.split('\n').flatMap((line) => (line === '' ? [] : [JSON.parse(line)]))
  }

  async end(signal: 'SIGTERM' | 'SIGKILL'): Promise<void> {
    this.#process.kill(signal)
    await this.#ended
  }
}
