import { damaged } from '../log/catalogue/catalogue-codec.ts'
import { describePlace, type TableRecordPlace } from '../log/catalogue/table-record.ts'
import { LogError } from '../model/errors.ts'

/** A newer format of Kafka's is refused by name. Older ones were never written here. */
export function assertValueVersion(what: string, version: number, known: number, place: TableRecordPlace): void {
  if (version === known) return
  if (version < known) throw damaged(place, `its value has version ${version}`)
  throw new LogError(
    'UNSUPPORTED_VERSION',
    `the ${what} in ${describePlace(place)} has version ${version}, this oncelog reads version ${known}`,
    { ...place, version },
  )
}
