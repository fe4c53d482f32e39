// One of the processes of groups.ts.
import { work } from '../processes.ts'
import { groupRun } from './group-run.ts'

work(groupRun)
