// What test files get as uvu. Its report reads the name, the details and the stack of what a test threw as those of an assertion, and breaks
// on a LogError, whose details are no text, and on what is no Error: no test is named then, and those after it don't run.
import { inspect } from 'node:util'
import * as uvu from 'uvu'

function reportable(thrown) {
  if (!(thrown instanceof Error)) return new Error(`what was thrown is no Error: ${inspect(thrown)}`)
  if (thrown.details === undefined || typeof thrown.details === 'string') return thrown
  const { name, message, stack, details } = thrown
  return Object.assign(new Error(message), { name, stack, details: inspect(details) })
}

function registering(register) {
  return (name, handler) =>
    register(name, async (state) => {
      try {
        await handler(state)
      } catch (error) {
        throw reportable(error)
      }
    })
}

const wrapped = (tests) => Object.assign(registering(tests), tests, { only: registering(tests.only) })

export const test = wrapped(uvu.test)
export const suite = (...words) => wrapped(uvu.suite(...words))
