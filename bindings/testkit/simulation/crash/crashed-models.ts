import { Digest } from '../digest.ts'
import type { Model } from './model.ts'
import type { Loss } from './model-state.ts'

/** What clients know after a crash at one point: the same for all its images that take the same away. */
export class CrashedModels {
  readonly #before: Model
  readonly #made = new Map<Loss, { readonly model: Model; readonly digest: string }>()

  constructor(before: Model) {
    this.#before = before
  }

  by(loss: Loss): { readonly model: Model; readonly digest: string } {
    let made = this.#made.get(loss)
    if (made === undefined) {
      const model = this.#before.fork()
      model.crashed(loss)
      made = { model, digest: digestOf(model) }
      this.#made.set(loss, made)
    }
    return made
  }
}

function digestOf(model: Model): string {
  const digest = new Digest()
  digest.text(model.digest())
  return digest.name
}
