// Following a topic as it grows, without polling: ended by a signal, or read as a Web stream.
//
//   node --import tsx examples/follow.ts [directory]
import { type Log, open, string, topic } from 'oncelog'

const events = topic('events', { value: string })

/** Shows records as they come, until somebody aborts. */
async function follow(log: Log, signal: AbortSignal): Promise<void> {
  try {
    for await (const { offset, value } of log.read(events, { from: 'latest', signal }))
      console.log(`seen ${offset} ${value}`)
  } catch (error) {
    if (!signal.aborted || error !== signal.reason) throw error
    console.log('stopped')
  }
}

const log = await open(process.argv[2] ?? './data', { topics: [events] })
try {
  const stop = new AbortController()
  const following = follow(log, stop.signal)
  // `latest` is where the topic ends when the reading begins.
  await new Promise((resume) => setTimeout(resume, 100))
  const producer = log.producer()
  for (const value of ['one', 'two', 'three']) await producer.send(events.record({ value }))
  await new Promise((resume) => setTimeout(resume, 100))
  stop.abort()
  await following

  // The same records as a stream of the platform: pipe it, transform it, or take one at a time.
  const reader = log.read(events).toReadableStream().getReader()
  const first = await reader.read()
  console.log(`streamed ${first.value?.value}`)
  await reader.cancel()
} finally {
  await log.close()
}
