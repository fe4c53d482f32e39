// One of the processes of swarm.ts.
import { work } from '../processes.ts'
import { swarmRun } from './swarm-run.ts'

work(swarmRun)
