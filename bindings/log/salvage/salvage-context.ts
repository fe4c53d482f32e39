import type { SurveyContext } from '../survey/survey-context.ts'
import type { Loss } from './loss.ts'

export interface SalvageContext extends SurveyContext {
  /** Set if frames are missing, any of which may have ended a transaction. */
  readonly lostFrames: Loss | undefined
}
